//! The image job against real registries. One program, so that it is linked once; `cargo xtask test --only e2e` runs it.

#![allow(
    clippy::unwrap_used,
    reason = "a failure here, in a helper too, is a failed test"
)]

mod at_once;
mod bad_input;
mod crashes;
mod disks;
mod dry_run;
mod ecr;
mod faults;
mod function;
mod immutable_tags;
mod incremental;
mod killed;
mod logs;
mod main_job;
mod memory;
mod moving_tags;
mod recipes;
mod second_run;
mod seed;
mod v1;
mod variants;
mod verify;
