//! Tables, which tests hold to the code that they tell of.

use crate::page::Page;

/// The rows of the first table under a heading, cell by cell, without the row of its head.
///
/// # Panics
/// When there is no such heading, or no table under it.
#[must_use]
pub fn under(page: &Page, heading: &str) -> Vec<Vec<String>> {
    let lines = page.text.lines().skip(page.line_of(heading));
    let rows: Vec<_> = lines
        .take_while(|line| !line.starts_with('#'))
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(cells)
        .collect();
    assert!(!rows.is_empty(), "no table under {heading:?}");
    rows
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    // A bar that is escaped belongs to the cell.
    let inner = inner.replace("\\|", "\u{0}");
    let cells = inner.split('|');
    cells
        .map(|cell| cell.trim().replace('\u{0}', "|"))
        .collect()
}

/// A cell without the marks of code around it.
#[must_use]
pub fn word(cell: &str) -> &str {
    cell.trim_matches('`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_that_of_its_heading() {
        let page = Page {
            path: "page.md".into(),
            text: "## A\n\n| x |\n|---|\n| 1 |\n\n## B\n\ntext\n\n| y | z |\n|---|---|\n| `a\\|b` | 2 |\n\n| no |\n".to_owned(),
        };
        assert_eq!(under(&page, "A"), [["1"]]);
        assert_eq!(under(&page, "B"), [["`a|b`", "2"]]);
        assert_eq!(word("`a`"), "a");
    }
}
