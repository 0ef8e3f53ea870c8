//! The list of what is tested, cheapest first.
//!
//! A tier is data: its name, what a green one proves, the tools without which it cannot run, and its steps. A new
//! family of tests is one more entry here; [`crate::run`] need not change.

use std::env;

use anyhow::{Result, ensure};

use crate::actionlint;
use crate::console;
use crate::docs;
use crate::event_ruler;
use crate::go_registry;
use crate::layering;
use crate::lazy;
use crate::oracle;
use crate::package;
use crate::python;
use crate::tools::{self, Tool};
use crate::workspace::{self, GoModule, Workspace};

/// One stage of `cargo xtask test`.
pub(crate) struct Tier {
    /// What `--only` takes and the summary shows.
    pub(crate) name: &'static str,
    /// What is known when it is green.
    pub(crate) proves: &'static str,
    /// Without one of these the tier could not run.
    pub(crate) needs: &'static [&'static Tool],
    /// Run in order; the first failure ends the tier.
    pub(crate) steps: &'static [Step],
    /// Whether it runs [beside](crate::beside) those after it.
    pub(crate) beside: bool,
}

/// One command or check of a tier.
pub(crate) enum Step {
    /// cargo, in the root.
    Cargo(&'static [&'static str]),
    /// cargo with the warnings of rustdoc as errors.
    Rustdoc(&'static [&'static str]),
    /// A check of our own.
    Check(&'static str, fn(&Workspace) -> Result<()>),
}

/// Everything, in the order in which it runs.
pub(crate) const TIERS: &[Tier] = &[
    Tier {
        name: "format",
        proves: "Rust code is formatted, fuzz targets included",
        needs: &[&tools::RUSTFMT],
        steps: &[
            Step::Cargo(&["fmt", "--all", "--check"]),
            Step::Check("cargo fmt of fuzz/", fuzz_format),
        ],
        beside: false,
    },
    Tier {
        name: "layering",
        proves: "crates use only what the architecture lets them use",
        needs: &[],
        steps: &[Step::Check("who uses whom", layering::check)],
        beside: false,
    },
    Tier {
        name: "clippy",
        proves: "no lint warns, tests and benches included",
        needs: &[&tools::CLIPPY],
        steps: &[Step::Cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])],
        beside: false,
    },
    Tier {
        name: "docs",
        proves: "every public item is documented and no link is broken",
        needs: &[],
        steps: &[Step::Rustdoc(&["doc", "--workspace", "--no-deps"])],
        beside: false,
    },
    Tier {
        name: "unit",
        proves: "unit and property tests pass, and the registry client against a real registry",
        needs: &[
            &tools::DOCKER_REGISTRY,
            &tools::HTPASSWD,
            &tools::JQ,
            &tools::OPENSSL,
            &tools::SCRIPT,
            &tools::SKOPEO,
        ],
        steps: &[Step::Cargo(&[
            "test",
            "--workspace",
            "--exclude",
            "soci-conformance",
            "--exclude",
            "soci-deploy",
            "--exclude",
            "soci-e2e",
            "--exclude",
            "soci-lazy",
            "--no-fail-fast",
        ])],
        beside: false,
    },
    Tier {
        name: "go",
        proves: "the Go modules are formatted and vetted",
        needs: &[&tools::GO, &tools::GCC, &tools::ZLIB],
        steps: &[
            Step::Check("gofmt -l .", go_format),
            Step::Check("go vet ./...", go_vet),
        ],
        beside: false,
    },
    Tier {
        name: "conformance",
        proves: "our bytes equal the reference builder's, and each reads what the other wrote",
        needs: &[
            &tools::GO,
            &tools::GCC,
            &tools::ZLIB,
            &tools::PIGZ,
            &tools::LIBDEFLATE,
            &tools::IGZIP,
            &tools::ZOPFLI,
        ],
        steps: &[
            Step::Check("go build of the reference builder", oracle::build),
            // Not captured: the matrix of what was compared is part of the result.
            Step::Cargo(&[
                "test",
                // By name and not by package: another choice of packages is another choice of features, and
                // half of the dependencies would be built again.
                "--workspace",
                "--test",
                "reference_*",
                "--no-fail-fast",
                "--",
                "--nocapture",
            ]),
        ],
        beside: false,
    },
    Tier {
        name: "package",
        proves: "the function's zip is small and needs nothing that Lambda lacks, and another folder gives the same bytes",
        needs: &[],
        steps: &[Step::Check(
            "package of the function, twice",
            package::elsewhere::check,
        )],
        beside: true,
    },
    Tier {
        name: "deploy",
        proves: "the stack and the module agree with infra/ and each other, event patterns in EventBridge's own engine, the module with the real provider, GitHub's workflows in actionlint, the bill of materials by its schema",
        needs: &[
            &tools::PYTHON,
            &tools::TERRAFORM,
            &tools::JAVA,
            &tools::MAVEN,
            &tools::GO,
        ],
        steps: &[
            Step::Check("tables in documents", docs::check),
            Step::Check("actionlint", actionlint::check),
            Step::Check("cfn-lint, moto and AWS's command line", python::install_aws),
            Step::Check("checkov", python::install_policy_scan),
            Step::Check("EventBridge's engine", event_ruler::install),
            Step::Check("package of the function", packaged),
            // Most of them wait for one apply; what they start takes turns at the processors by itself.
            Step::Cargo(&[
                "test",
                "--workspace",
                "--test",
                "deploy",
                "--no-fail-fast",
                "--",
                "--test-threads=16",
            ]),
        ],
        beside: false,
    },
    Tier {
        name: "e2e",
        proves: "images in real registries are indexed, crash-safe and again and again, and an independent client can copy them",
        needs: &[
            &tools::GO,
            &tools::DOCKER_REGISTRY,
            &tools::HTPASSWD,
            &tools::OPENSSL,
            &tools::SKOPEO,
            &tools::PYTHON,
            &tools::JQ,
            &tools::CURL,
        ],
        steps: &[
            Step::Check("go build of the second registry", go_registry::build),
            Step::Check("AWS's runtime interface emulator", python::install_emulator),
            Step::Check("moto", python::install_aws),
            Step::Check("package of the function", packaged),
            Step::Cargo(&[
                "build",
                "--workspace",
                "--bin",
                "soci-index",
                "--bin",
                "bootstrap",
            ]),
            // They wait half of their time, for what stalls and for deadlines.
            Step::Cargo(&[
                "test",
                "--workspace",
                "--test",
                "e2e",
                "--no-fail-fast",
                "--",
                "--test-threads=6",
            ]),
        ],
        beside: false,
    },
    Tier {
        name: "lazy",
        proves: "containers read every file right through containerd and soci-snapshotter, and a wrong window is found",
        needs: &[
            &tools::ROOT,
            &tools::NAMESPACES,
            &tools::FUSE,
            &tools::RUNC,
            &tools::GO,
            &tools::GCC,
            &tools::ZLIB,
            &tools::DOCKER_REGISTRY,
        ],
        steps: &[
            Step::Check("go build of containerd and soci-snapshotter", lazy::build),
            Step::Check("go build of the second registry", go_registry::build),
            Step::Cargo(&["build", "--workspace", "--bin", "soci-index"]),
            // Not captured: how much was read and fetched is part of the result.
            Step::Cargo(&[
                "test",
                "--workspace",
                "--test",
                "lazy",
                "--no-fail-fast",
                "--",
                "--nocapture",
            ]),
        ],
        beside: false,
    },
];

impl Step {
    /// Runs the step, its output going straight through.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let command = match *self {
            Self::Cargo(args) => workspace.cargo(args),
            Self::Rustdoc(args) => {
                let mut command = workspace.cargo(args);
                command.env("RUSTDOCFLAGS", strict_rustdoc());
                command
            }
            Self::Check(name, check) => {
                console::line(&format!("-> {name}"));
                return check(workspace);
            }
        };
        console::line(&format!("-> {}", workspace::shown(&command)));
        let mut command = command;
        command.env("SOCI_ORACLE", oracle::path(workspace));
        command.env("SOCI_GO_REGISTRY", go_registry::path(workspace));
        command.env("SOCI_LAZY_PROGRAMS", lazy::path(workspace));
        command.env("SOCI_LAMBDA_EMULATOR", python::emulator(workspace));
        command.env("SOCI_MOTO_SERVER", python::moto(workspace));
        command.env("SOCI_PACKAGED_BOOTSTRAP", package::program(workspace));
        command.env("SOCI_AWS_PROGRAMS", python::aws_programs(workspace));
        command.env("SOCI_POLICY_SCAN", python::policy_scan(workspace));
        command.env("SOCI_EVENT_RULER", event_ruler::path(workspace));
        command.env(
            "SOCI_TERRAFORM_CACHE",
            workspace.target.join("tools/terraform"),
        );
        command.env("SOCI_XTASK", &workspace.xtask);
        workspace::run(command)
    }
}

/// What the caller set, and warnings as errors.
fn strict_rustdoc() -> String {
    format!(
        "{} -D warnings",
        env::var("RUSTDOCFLAGS").unwrap_or_default()
    )
    .trim_start()
    .to_owned()
}

/// The function as it is deployed.
fn packaged(workspace: &Workspace) -> Result<()> {
    package::for_this_machine(workspace).map(drop)
}

/// The fuzz targets are a workspace of their own, which `cargo fmt --all` at the root does not see.
fn fuzz_format(workspace: &Workspace) -> Result<()> {
    if !workspace.root.join("fuzz/Cargo.toml").is_file() {
        console::line("there is no fuzz/ yet");
        return Ok(());
    }
    workspace::run(workspace.cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

/// `gofmt -l` names badly formatted files and succeeds all the same.
fn go_format(workspace: &Workspace) -> Result<()> {
    for module in GoModule::ALL {
        let files = workspace::stdout_of(workspace.in_go_module(module, "gofmt", &["-l", "."]))?;
        let files: Vec<_> = files.lines().collect();
        ensure!(files.is_empty(), "gofmt would change {}", files.join(", "));
    }
    Ok(())
}

fn go_vet(workspace: &Workspace) -> Result<()> {
    for module in GoModule::ALL {
        workspace::run(workspace.in_go_module(module, "go", &["vet", "./..."]))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tier_names_are_unique() {
        let names: HashSet<_> = TIERS.iter().map(|tier| tier.name).collect();
        assert_eq!(names.len(), TIERS.len());
    }

    #[test]
    fn every_tier_has_steps() {
        assert!(
            TIERS
                .iter()
                .all(|tier| !tier.steps.is_empty() && !tier.proves.is_empty())
        );
    }

    /// What is missing is looked for, and told, by who runs the others.
    #[test]
    fn a_tier_beside_others_needs_no_tools() {
        assert!(
            TIERS
                .iter()
                .all(|tier| !tier.beside || tier.needs.is_empty())
        );
    }
}
