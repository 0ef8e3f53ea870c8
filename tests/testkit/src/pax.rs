//! PAX records: `LENGTH KEY=VALUE\n`, where LENGTH counts itself.

/// One well-formed record.
pub fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    // The space, the equals sign and the line end.
    let rest = key.len() + value.len() + 3;
    // The length's own digits may lengthen it by one: two rounds settle that.
    let mut total = rest + digits(rest);
    total = rest + digits(total);
    let mut out = format!("{total} ").into_bytes();
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
    out
}

/// Several records, one after the other, as the data of an extended header holds them.
pub fn records(pairs: &[(&str, &[u8])]) -> Vec<u8> {
    pairs
        .iter()
        .flat_map(|(key, value)| record(key.as_bytes(), value))
        .collect()
}

fn digits(n: usize) -> usize {
    n.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::record;

    #[test]
    fn a_record_counts_its_own_length() {
        for len in [0, 1, 90, 91, 92, 93, 94, 990, 991, 992, 993] {
            let made = record(b"path", &vec![b'x'; len]);
            let said: usize = String::from_utf8_lossy(&made)
                .split(' ')
                .next()
                .expect("test data is right")
                .parse()
                .expect("test data is right");
            assert_eq!(said, made.len());
        }
    }
}
