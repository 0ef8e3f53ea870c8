//! The table of odd layers: each with what the reference makes of it, what we make of it and why.
//!
//! The rule behind our column: a zTOC leaves our builder only if the v0.15.0 daemon reads every file of the layer right through
//! it. `docs/decisions/odd-layers.md` prints this table; the conformance tests hold it to the code on both sides.

mod compression;
mod ending;
mod extension;
mod fields;
mod framing;
mod identity;
mod kinds;
mod links;
mod names;
mod scaffold;

pub use scaffold::{Attribute, SourceFile};

/// Uncompressed bytes between checkpoints in the odd cases: small, so that every entry of note lies behind a boundary.
pub const ODD_SPAN: u64 = 32 << 10;

/// How the reference is told to read a layer; it does not look for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// A gzip stream around a tar.
    Gzip,
    /// A tar as it is.
    Uncompressed,
}

impl Algorithm {
    /// The reference's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Uncompressed => "uncompressed",
        }
    }
}

/// What our builder does with a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// A zTOC, through which the daemon reads every file right; the same bytes as the reference's or not.
    Indexed {
        /// Whether the reference's zTOC has the same bytes; if not, the case says why.
        same_bytes_as_reference: bool,
    },
    /// No zTOC, for this layer reason (design, "Result of one image").
    NotIndexable(&'static str),
    /// No zTOC: the bytes are damaged.
    Damaged,
}

/// What the reference does with a layer, measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// Its builder refuses.
    BuilderFails,
    /// Its builder writes a zTOC and its daemon reads every file right.
    Right,
    /// Its builder writes a zTOC that its daemon refuses as a whole.
    DaemonRefuses,
    /// Its builder writes a zTOC through which its daemon shows a file wrong, with an error, or not at all.
    FileWrong,
    /// As before, but the file is right and what stands beside it (owner, time) is wrong.
    AttributeWrong,
}

impl Reference {
    fn words(self) -> &'static str {
        match self {
            Self::BuilderFails => "error / –",
            Self::Right => "zTOC / right",
            Self::DaemonRefuses => "zTOC / refuses it",
            Self::FileWrong => "zTOC / a file unreadable or wrong",
            Self::AttributeWrong => "zTOC / an attribute wrong",
        }
    }
}

/// One layer of the table.
#[derive(Clone, Debug)]
pub struct OddCase {
    /// Its name, in kebab case.
    pub id: &'static str,
    /// What is odd about it, in words for the printed table.
    pub input: &'static str,
    /// The layer.
    pub layer: Vec<u8>,
    /// How the reference is told to read it.
    pub algorithm: Algorithm,
    /// Whether our builder runs with multi-member gzip allowed.
    pub multi_member: bool,
    /// What the reference does.
    pub reference: Reference,
    /// What our builder does.
    pub expect: Expect,
    /// Why, in words for the printed table.
    pub why: &'static str,
    /// What a right reader would show beside contents, where the reference shows something else.
    pub attribute: Option<Attribute>,
    /// Every regular file and hard link that a reader has to show, by the path under which the daemon shows it.
    pub files: Vec<SourceFile>,
}

impl OddCase {
    /// The case as a row of the printed table.
    pub fn row(&self) -> String {
        let ours = match self.expect {
            Expect::Indexed {
                same_bytes_as_reference: true,
            } => "indexed, same bytes".to_owned(),
            Expect::Indexed {
                same_bytes_as_reference: false,
            } => "indexed, differs".to_owned(),
            Expect::NotIndexable(reason) => format!("`{reason}`"),
            Expect::Damaged => "damaged".to_owned(),
        };
        format!(
            "| {} | {} | {} | {ours} | {} |",
            self.id,
            self.input,
            self.reference.words(),
            self.why
        )
    }
}

/// Every odd layer.
pub fn odd_cases() -> Vec<OddCase> {
    let mut cases = Vec::new();
    cases.extend(framing::cases());
    cases.extend(compression::cases());
    cases.extend(ending::cases());
    cases.extend(extension::cases());
    cases.extend(fields::cases());
    cases.extend(kinds::cases());
    cases.extend(links::cases());
    cases.extend(identity::cases());
    cases.extend(names::cases());
    cases
}

#[cfg(test)]
mod tests {
    use super::odd_cases;
    use std::collections::BTreeSet;

    #[test]
    fn every_case_has_a_name_of_its_own() {
        let cases = odd_cases();
        let ids: BTreeSet<_> = cases.iter().map(|c| c.id).collect();
        assert_eq!(ids.len(), cases.len());
        assert!(ids.iter().all(|id| {
            id.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        }));
    }
}
