//! `soci-index ztoc`: a layer file in, its zTOC out, and a look into both.

mod create;
mod pipeline;

use crate::args::ZtocCommand;
use crate::exit::Exit;

pub(crate) fn run(command: ZtocCommand) -> anyhow::Result<Exit> {
    match command {
        ZtocCommand::Create(args) => create::run(args),
        ZtocCommand::Info(_) => todo!(),
        ZtocCommand::Cat(_) => todo!(),
    }
}
