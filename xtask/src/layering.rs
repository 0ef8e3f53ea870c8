//! Who may use whom, and nothing else.
//!
//! The picture in ARCHITECTURE.md is only true while something holds it. This reads the manifests of the workspace and
//! names every edge that the picture does not have. The engine gets a closer look: its direct dependencies are on a
//! list, and nothing that brings I/O, clocks, threads or async may come in behind them. A second crypto provider may
//! come in nowhere.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::console;
use crate::workspace::{self, Workspace};

/// Each product crate with the product crates it may use. One that does not exist yet may stand here; one that exists
/// and does not stand here is a violation.
const ROOMS: &[(&str, &[&str])] = &[
    ("soci-inflate", &[]),
    ("soci-ztoc", &["soci-inflate"]),
    ("soci-registry", &[]),
    ("soci-index", &["soci-registry", "soci-ztoc"]),
    ("soci-ecr", &["soci-registry"]),
    (
        "soci-index-builder",
        &["soci-ecr", "soci-index", "soci-registry"],
    ),
    (
        "soci-demo",
        &["soci-index", "soci-index-builder", "soci-registry"],
    ),
    (
        "soci-cli",
        &[
            "soci-demo",
            "soci-ecr",
            "soci-index",
            "soci-index-builder",
            "soci-registry",
            "soci-ztoc",
        ],
    ),
];

/// Makes bytes for tests, so no program may ship it.
const TESTKIT: &str = "soci-testkit";

/// Reads the repository's pages for tests, which hold them to what they tell of.
const DOCUMENTS: &str = "soci-documents";

/// The engine's direct dependencies. One more is a decision, so it is made here too.
const ENGINE_MAY_USE: &[&str] = &[
    "crc32fast",
    "flatbuffers",
    "sha2",
    "soci-inflate",
    "tar",
    "thiserror",
];

/// What must not stand behind the engine, at any depth: I/O, clocks, chance, threads, async.
const ENGINE_MUST_NOT_REACH: &[&str] = &[
    "async-std",
    "chrono",
    "crossbeam",
    "futures",
    "futures-core",
    "getrandom",
    "hyper",
    "mio",
    "rand",
    "rayon",
    "reqwest",
    "smol",
    "socket2",
    "time",
    "tokio",
];

/// What must not stand behind anything that is shipped: ring is the one crypto provider, and the AWS SDK would bring another
/// if one of its default features came back.
const NOBODY_REACHES: &[&str] = &["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl"];

/// Crates that work with any registry and must not know one cloud.
const KNOW_NO_CLOUD: &[&str] = &["soci-index", "soci-registry", "soci-ztoc"];

/// One member of the workspace, as its manifest describes it.
#[derive(Debug, Default)]
struct Member {
    name: String,
    /// Lies under `crates/` or `functions/`: part of what is shipped.
    is_product: bool,
    has_library: bool,
    /// Dependencies of the code itself and of its build script.
    normal: Vec<String>,
    /// Dependencies of its tests.
    dev: Vec<String>,
}

/// Fails with the list of forbidden edges, if there is one.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut found = violations(&members(workspace)?);
    found.extend(engine_reach(&tree(workspace, &["--package", "soci-ztoc"])?));
    found.extend(second_crypto(&tree(workspace, WHOLE)?));
    for violation in &found {
        console::line(violation);
    }
    ensure!(
        found.is_empty(),
        "{} forbidden dependencies: {}",
        found.len(),
        found.join("; ")
    );
    Ok(())
}

fn violations(members: &[Member]) -> Vec<String> {
    let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
    members
        .iter()
        .flat_map(|member| member_violations(member, &names))
        .collect()
}

fn member_violations(member: &Member, members: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let is_member = |name: &str| members.contains(&name);
    let mut forbid = |to: &str, why: &str| found.push(format!("{} -> {to}: {why}", member.name));

    if member.is_product {
        let room = ROOMS.iter().find(|(name, _)| *name == member.name);
        let allowed = room.map_or(&[][..], |(_, allowed)| allowed);
        if room.is_none() {
            forbid(
                "(anything)",
                "this crate stands in no room of the architecture",
            );
        }
        for to in member
            .normal
            .iter()
            .filter(|to| is_member(to) && !allowed.contains(&to.as_str()))
        {
            forbid(to, "not an edge of the architecture");
        }
        let is_test_edge = |to: &str| [TESTKIT, DOCUMENTS].contains(&to) || allowed.contains(&to);
        for to in member
            .dev
            .iter()
            .filter(|to| is_member(to) && !is_test_edge(to))
        {
            forbid(to, "not an edge of the architecture, not even for tests");
        }
    }
    if member.has_library && member.normal.iter().any(|to| to == "anyhow") {
        forbid(
            "anyhow",
            "libraries have error enums; anyhow is for binaries",
        );
    }
    if KNOW_NO_CLOUD.contains(&member.name.as_str()) {
        for to in member
            .normal
            .iter()
            .filter(|to| to.starts_with("aws-") || *to == "lambda_runtime")
        {
            forbid(to, "this crate knows no cloud");
        }
    }
    if member.name == "soci-ztoc" {
        for to in member
            .normal
            .iter()
            .filter(|to| !is_member(to) && !ENGINE_MAY_USE.contains(&to.as_str()))
        {
            forbid(to, "not on the engine's list of dependencies");
        }
    }
    found
}

fn engine_reach(tree: &[String]) -> Vec<String> {
    let reached = tree
        .iter()
        .filter(|name| ENGINE_MUST_NOT_REACH.contains(&name.as_str()));
    reached
        .map(|name| {
            format!("soci-ztoc -> … -> {name}: the engine does no I/O and starts no thread")
        })
        .collect()
}

fn second_crypto(tree: &[String]) -> Vec<String> {
    NOBODY_REACHES
        .iter()
        .filter(|name| tree.iter().any(|reached| reached == *name))
        .map(|name| format!("(workspace) -> … -> {name}: rustls on ring is the one TLS stack"))
        .collect()
}

/// Every crate of the workspace with every feature, so that none hides a dependency.
const WHOLE: &[&str] = &["--workspace", "--all-features"];

/// Everything behind these packages, as cargo resolves it for this machine.
fn tree(workspace: &Workspace, packages: &[&str]) -> Result<Vec<String>> {
    let shape = ["--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let args = [&["tree"], packages, &shape].concat();
    let tree = workspace::stdout_of(workspace.cargo(&args))?;
    Ok(tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect())
}

fn members(workspace: &Workspace) -> Result<Vec<Member>> {
    let metadata = workspace::members(&workspace.root)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    packages
        .iter()
        .map(|package| member(workspace, package))
        .collect()
}

fn member(workspace: &Workspace, package: &Value) -> Result<Member> {
    let name = package["name"].as_str().context("a package has no name")?;
    let manifest = package["manifest_path"]
        .as_str()
        .with_context(|| format!("{name} has no manifest"))?;
    let folder = std::path::Path::new(manifest).strip_prefix(&workspace.root)?;
    let targets = package["targets"].as_array().into_iter().flatten();
    let mut kinds = targets.flat_map(|target| target["kind"].as_array().into_iter().flatten());
    let (dev, normal) = edges(package).partition::<Vec<_>, _>(|(_, is_dev)| *is_dev);
    Ok(Member {
        name: name.to_owned(),
        is_product: folder.starts_with("crates") || folder.starts_with("functions"),
        has_library: kinds.any(|kind| kind == "lib"),
        normal: normal.into_iter().map(|(name, _)| name).collect(),
        dev: dev.into_iter().map(|(name, _)| name).collect(),
    })
}

/// Name of each dependency, and whether only tests use it.
fn edges(package: &Value) -> impl Iterator<Item = (String, bool)> + '_ {
    package["dependencies"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|dependency| {
            let name = dependency["name"].as_str()?;
            Some((name.to_owned(), dependency["kind"] == "dev"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(name: &str, normal: &[&str], dev: &[&str]) -> Member {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Member {
            name: name.into(),
            is_product: true,
            has_library: true,
            normal: owned(normal),
            dev: owned(dev),
        }
    }

    fn found(members: &[Member]) -> String {
        violations(members).join("\n")
    }

    #[test]
    fn this_workspace_keeps_the_architecture() {
        let workspace = Workspace::find().expect("cargo knows this workspace");
        assert_eq!(
            found(&members(&workspace).expect("cargo metadata is readable")),
            ""
        );
        assert_eq!(
            engine_reach(
                &tree(&workspace, &["--package", "soci-ztoc"]).expect("cargo tree is readable")
            ),
            Vec::<String>::new()
        );
        assert_eq!(
            second_crypto(&tree(&workspace, WHOLE).expect("cargo tree is readable")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_edge_of_the_list_leads_to_a_room() {
        let rooms: Vec<_> = ROOMS.iter().map(|(name, _)| *name).collect();
        assert!(
            ROOMS
                .iter()
                .flat_map(|(_, uses)| *uses)
                .all(|to| rooms.contains(to))
        );
    }

    #[test]
    fn names_an_edge_that_points_up() {
        let members = [
            product("soci-ztoc", &["soci-cli"], &[]),
            product("soci-cli", &[], &[]),
        ];
        assert_eq!(
            found(&members),
            "soci-ztoc -> soci-cli: not an edge of the architecture"
        );
    }

    #[test]
    fn testkit_serves_tests_only() {
        let kit = || Member {
            name: TESTKIT.into(),
            ..Member::default()
        };
        assert_eq!(found(&[kit(), product("soci-ztoc", &[], &[TESTKIT])]), "");
        let members = [kit(), product("soci-registry", &[TESTKIT], &[])];
        assert_eq!(
            found(&members),
            "soci-registry -> soci-testkit: not an edge of the architecture"
        );
    }

    #[test]
    fn a_crate_without_a_room_is_named() {
        let members = [product("soci-misc", &[], &[])];
        assert_eq!(
            found(&members),
            "soci-misc -> (anything): this crate stands in no room of the architecture"
        );
    }

    #[test]
    fn anyhow_is_for_binaries() {
        let members = [product("soci-registry", &["anyhow"], &[])];
        assert!(found(&members).contains("anyhow is for binaries"));
        let binary = Member {
            has_library: false,
            ..product("soci-cli", &["anyhow"], &[])
        };
        assert_eq!(found(&[binary]), "");
    }

    #[test]
    fn the_engine_uses_what_is_on_its_list() {
        assert_eq!(found(&[product("soci-ztoc", &["flatbuffers"], &[])]), "");
        let members = [product("soci-ztoc", &["regex"], &[])];
        assert_eq!(
            found(&members),
            "soci-ztoc -> regex: not on the engine's list of dependencies"
        );
    }

    #[test]
    fn the_engine_reaches_no_runtime() {
        assert_eq!(engine_reach(&["sha2".into(), "mio".into()]).len(), 1);
    }

    #[test]
    fn there_is_one_crypto_provider() {
        assert_eq!(second_crypto(&["ring".into(), "rustls".into()]).len(), 0);
        assert_eq!(second_crypto(&["ring".into(), "aws-lc-rs".into()]).len(), 1);
    }

    #[test]
    fn registry_and_index_know_no_cloud() {
        let members = [product("soci-index", &["aws-sdk-ecr"], &[])];
        assert_eq!(
            found(&members),
            "soci-index -> aws-sdk-ecr: this crate knows no cloud"
        );
    }
}
