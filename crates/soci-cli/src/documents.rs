//! Every `soci-index` command that a page shows is one that this program takes.

use clap::Parser as _;
use clap::error::ErrorKind;
use soci_documents::{Kind, of_kind};

use crate::args::Args;

/// What stands in pages for something of the reader's.
const PLACEHOLDERS: [(&str, &str); 2] =
    [("IMAGE", "registry.example/team/app:1"), ("SHELL", "bash")];

#[test]
fn every_command_of_the_documents_is_taken() {
    for command in of_kind(Kind::SociIndex) {
        let words = command.words.iter().map(|word| {
            let stands = PLACEHOLDERS.iter().find(|(stands, _)| stands == word);
            stands.map_or(word.as_str(), |(_, meant)| meant)
        });
        let Err(error) = Args::try_parse_from(words) else {
            continue;
        };
        // Within a sentence a command may be named without what it works on.
        let is_only_named = command.is_inline
            && matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            );
        let is_asked_for = matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
        );
        assert!(
            is_only_named || is_asked_for,
            "{}\n{error}",
            command.shown()
        );
    }
}
