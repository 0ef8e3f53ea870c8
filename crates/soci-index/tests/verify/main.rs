//! `verify`: all that is right is proven at every level, and each kind of damage is found and named at the cheapest level that can.

mod damage;
mod damaged_documents;
mod damaged_layers;
mod damaged_links;
mod damaged_ztocs;
mod support;
mod valid;
mod version1;
