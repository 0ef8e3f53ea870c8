//! Both roads of deployment against `infra/`, against each other, and against what is asked of them.

mod admitted;
mod both_roads;
mod cloudformation;
mod documents;
mod event_patterns;
mod module;
mod parameters;
mod permissions;
mod policy_scan;
mod release;
mod stack;
