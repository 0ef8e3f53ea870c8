//! Every `soci-index` command that a page shows is one that this program takes.

use clap::Parser as _;
use clap::error::ErrorKind;
use soci_documents::{Kind, of_kind};

use crate::args::Args;

#[test]
fn every_command_of_the_documents_is_taken() {
    for command in of_kind(Kind::SociIndex) {
        let Err(error) = Args::try_parse_from(&command.words) else {
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
