//! The PAX records of an entry, packed: some writers give every entry several, and a heap allocation for each key and each value
//! would take more memory than all the rest of the entry.

use std::fmt;

/// Bytes in front of each record: the lengths of its key and of its value, four bytes each.
const LENGTHS_BYTES: usize = 8;

/// Records of one entry, by key. Keys and values are bytes; the format calls them strings.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PaxRecords {
    packed: Box<[u8]>,
}

impl PaxRecords {
    /// Packs records that come in the order of their keys.
    pub(crate) fn pack<'a>(records: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> PaxRecords {
        let mut packed = Vec::new();
        for (key, value) in records {
            // Both lie in headers or in a zTOC, whose sizes have limits far below 4 GiB.
            packed.extend((key.len() as u32).to_le_bytes());
            packed.extend((value.len() as u32).to_le_bytes());
            packed.extend(key);
            packed.extend(value);
        }
        PaxRecords {
            packed: packed.into_boxed_slice(),
        }
    }

    /// Key and value of each record.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &*self.packed;
        std::iter::from_fn(move || {
            let (lengths, behind) = rest.split_at_checked(LENGTHS_BYTES)?;
            let length = |at: usize| {
                u32::from_le_bytes([
                    lengths[at],
                    lengths[at + 1],
                    lengths[at + 2],
                    lengths[at + 3],
                ]) as usize
            };
            let (key, behind) = behind.split_at_checked(length(0))?;
            let (value, behind) = behind.split_at_checked(length(4))?;
            rest = behind;
            Some((key, value))
        })
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// Memory that they take on the heap, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.packed.len()
    }
}

impl fmt::Debug for PaxRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes);
        f.debug_map()
            .entries(self.iter().map(|(key, value)| (text(key), text(value))))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_packed() {
        let records: [(&[u8], &[u8]); 3] = [(b"a", b""), (b"mtime", b"1.5"), (b"path", b"x\0y")];
        let packed = PaxRecords::pack(records.into_iter());
        assert_eq!(packed.iter().collect::<Vec<_>>(), records);
        assert_eq!((packed.len(), packed.is_empty()), (3, false));
        assert!(PaxRecords::default().is_empty());
    }
}
