//! `soci-index ztoc`: a layer file in, its zTOC out, and a look into both.

mod cat;
mod create;
mod info;
mod layer;
mod load;

use crate::args::ZtocCommand;
use crate::exit::Exit;

pub(crate) fn run(command: ZtocCommand) -> anyhow::Result<Exit> {
    match command {
        ZtocCommand::Create(args) => create::run(&args),
        ZtocCommand::Info(args) => info::run(&args),
        ZtocCommand::Cat(args) => cat::run(&args),
    }
}
