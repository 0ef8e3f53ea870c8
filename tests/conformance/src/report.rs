//! The printed matrix: what was compared, with how many spans and files, and what is missing.

use std::fmt;

use crate::Checked;

/// Cells of one table, in the order of their making.
#[derive(Debug)]
pub struct Report {
    title: &'static str,
    cells: Vec<(String, u64, Result<Checked, String>)>,
}

impl Report {
    /// An empty table.
    pub fn new(title: &'static str) -> Self {
        Self {
            title,
            cells: Vec::new(),
        }
    }

    /// Adds what came out for a row and a span size.
    pub fn add(&mut self, row: &str, span: u64, outcome: Result<Checked, String>) {
        self.cells.push((row.to_owned(), span, outcome));
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// How many cells have at least so many spans.
    pub fn with_spans(&self, at_least: usize) -> usize {
        self.cells
            .iter()
            .filter(|(_, _, cell)| cell.as_ref().is_ok_and(|c| c.spans >= at_least))
            .count()
    }

    /// Everything that is not as it should be, one line per cell.
    pub fn failures(&self) -> Vec<String> {
        let failed = |(row, span, cell): &(String, u64, Result<Checked, String>)| {
            cell.as_ref()
                .err()
                .map(|words| format!("{row}, span {span}: {words}"))
        };
        self.cells.iter().filter_map(failed).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut spans: Vec<u64> = self.cells.iter().map(|(_, span, _)| *span).collect();
        spans.sort_unstable();
        spans.dedup();
        let mut rows: Vec<&str> = Vec::new();
        for (row, _, _) in &self.cells {
            if !rows.contains(&&**row) {
                rows.push(row);
            }
        }
        write!(
            f,
            "\n{} (spans/files read right; bytes equal the reference's)\n{:34}",
            self.title, ""
        )?;
        spans.iter().try_for_each(|span| write!(f, "{span:>14}"))?;
        for row in rows {
            write!(f, "\n{row:34}")?;
            for span in &spans {
                let cell = self.cells.iter().find(|(r, s, _)| r == row && s == span);
                match cell {
                    Some((_, _, Ok(checked))) => {
                        write!(f, "{:>14}", format!("{}/{}", checked.spans, checked.files))?
                    }
                    Some((_, _, Err(_))) => write!(f, "{:>14}", "RED")?,
                    None => write!(f, "{:>14}", "")?,
                }
            }
        }
        writeln!(
            f,
            "\n{} cells, {} with 5 spans or more",
            self.cells.len(),
            self.with_spans(5)
        )
    }
}
