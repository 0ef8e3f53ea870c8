//! One page: what it links to, what can be linked to, its blocks of code and its inline code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::root;

/// Folders that hold no pages of ours.
const PASSED_OVER: [&str; 5] = ["target", "dist", "node_modules", ".git", ".terraform"];

/// A Markdown file.
#[derive(Debug)]
pub struct Page {
    /// Its path from the root.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
}

/// Code that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The line that it begins on, the first being 1.
    pub line: usize,
    /// The language behind the fence; `None` where it is only indented.
    pub language: Option<String>,
    /// What stands in it.
    pub text: String,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The line that it stands on.
    pub line: usize,
    /// Where it leads, as it is written.
    pub to: String,
}

/// All of them, in the order of their paths.
///
/// # Panics
/// When one cannot be read.
#[must_use]
pub fn pages() -> Vec<Page> {
    let mut paths = Vec::new();
    find(&root(), &mut paths);
    paths.sort();
    paths.into_iter().map(|path| Page::read(&path)).collect()
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !PASSED_OVER.contains(&name.as_ref()) {
            find(&path, found);
        } else if name.ends_with(".md") {
            let path = path.strip_prefix(root()).expect("it lies below the root");
            found.push(path.to_owned());
        }
    }
}

impl Page {
    /// One page, by its path from the root.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn read(path: &Path) -> Page {
        let text = std::fs::read_to_string(root().join(path));
        Page {
            text: text.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
            path: path.to_owned(),
        }
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, usize)> {
        let parser = Parser::new_ext(&self.text, Options::ENABLE_TABLES);
        let line = |at: usize| 1 + self.text[..at].matches('\n').count();
        parser
            .into_offset_iter()
            .map(move |(event, range)| (event, line(range.start)))
    }

    /// Its links and pictures.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        let links = self.events().filter_map(|(event, line)| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(Link {
                line,
                to: dest_url.into_string(),
            }),
            _ => None,
        });
        links.collect()
    }

    /// What stands behind a `#` in links to its headings, as GitHub makes it.
    #[must_use]
    pub fn anchors(&self) -> Vec<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut anchors = Vec::new();
        let mut heading: Option<String> = None;
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    let slug = slug(&heading.take().unwrap_or_default());
                    let times = seen.entry(slug.clone()).or_default();
                    anchors.push(match *times {
                        0 => slug,
                        times => format!("{slug}-{times}"),
                    });
                    *times += 1;
                }
                _ => {}
            }
        }
        anchors
    }

    /// The line of a heading, the first being 1.
    ///
    /// # Panics
    /// When there is no such heading.
    #[must_use]
    pub fn line_of(&self, heading: &str) -> usize {
        let is_it =
            |line: &str| line.starts_with('#') && line.trim_start_matches('#').trim() == heading;
        let at = self.text.lines().position(is_it);
        let at = at.unwrap_or_else(|| panic!("{} has no heading {heading:?}", self.path.display()));
        at + 1
    }

    /// Its blocks of code.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (event, line) in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => Some(language.into_string()),
                        CodeBlockKind::Indented => None,
                    };
                    open = Some(Block {
                        line,
                        language,
                        text: String::new(),
                    });
                }
                Event::Text(text) => {
                    if let Some(block) = &mut open {
                        block.text.push_str(&text);
                    }
                }
                Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
                _ => {}
            }
        }
        blocks
    }

    /// Its inline code, with the lines.
    #[must_use]
    pub fn inline(&self) -> Vec<(usize, String)> {
        let spans = self.events().filter_map(|(event, line)| match event {
            Event::Code(text) => Some((line, text.into_string())),
            _ => None,
        });
        spans.collect()
    }
}

/// A heading's anchor: lower case, words joined by hyphens, without anything else but letters, digits, hyphens and underscores.
fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter_map(|one| match one {
        ' ' => Some('-'),
        '-' | '_' => Some(one),
        other => other.is_alphanumeric().then_some(other),
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page {
            path: PathBuf::from("page.md"),
            text: text.to_owned(),
        }
    }

    #[test]
    fn anchors_are_those_of_github() {
        let page = page("# A `build IMAGE…`, and B\n\n## Same\n\n## Same\n\n## by_name - x\n");
        assert_eq!(
            page.anchors(),
            ["a-build-image-and-b", "same", "same-1", "by_name---x"]
        );
    }

    #[test]
    fn blocks_tell_their_line_and_language() {
        let page = page(
            "a\n\n    cargo run\n    more\n\n```sh\naws x\n```\n\n- b\n\n  ```json\n  {}\n  ```\n",
        );
        let blocks: Vec<_> = page.blocks();
        let told: Vec<_> = blocks
            .iter()
            .map(|block| (block.line, block.language.as_deref(), block.text.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (3, None, "cargo run\nmore\n"),
                (6, Some("sh"), "aws x\n"),
                (12, Some("json"), "{}\n")
            ]
        );
    }

    #[test]
    fn links_and_inline_code_are_found_in_tables_too() {
        let page = page("| a | b |\n|---|---|\n| [x](y.md#z) | `cargo xtask docs` |\n");
        assert_eq!(page.links()[0].to, "y.md#z");
        assert_eq!(page.inline(), [(3, "cargo xtask docs".to_owned())]);
    }
}
