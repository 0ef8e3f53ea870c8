//! Layers and images for tests, crafted byte by byte, and the tables of odd ones.
//!
//! A builder of zTOCs is judged by what it does at the edges: a header field that nobody writes any more, a flush before the
//! first byte, padding where no padding belongs. Ordinary tar and gzip libraries refuse to write such things, so this crate
//! writes them itself, deterministically, from small parts that each know one format:
//!
//! ```
//! use soci_testkit::{gzip, tar};
//!
//! let archive = tar::Archive::new().file("etc/motd", b"hello\n").finish();
//! let layer = gzip::compress(&archive, 6);
//! assert_eq!(&layer[..3], &[0x1f, 0x8b, 8]);
//! ```
//!
//! # What it promises
//! The same call gives the same bytes on every machine. Nothing is checked: a wrong checksum stays wrong.
//!
//! # What it does not do
//! Of what others wrote it reads only the fuzz targets' corpora and what it is to damage, and it does not use the crates it helps to test;
//! expectations are plain data.
//!
//! # Map
//! [`corpus`] the fuzz targets' inputs · [`ztoc`] zTOCs damaged in one place · [`content`] file contents · [`tar`] and [`pax`] archives · [`deflate`] block sequences bit by bit · [`gzip`] members and
//! headers · [`dialects`] one archive per way of writing tar · [`odd`] the table of layers · [`image`] images and their table

pub mod content;
pub mod corpus;
pub mod deflate;
pub mod dialects;
pub mod gzip;
pub mod image;
pub mod odd;
pub mod pax;
pub mod tar;
pub mod ztoc;

pub use image::{ImageCase, image_cases};
pub use odd::{Algorithm, Expect, OddCase, Reference, SourceFile, odd_cases};
