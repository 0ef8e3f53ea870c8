//! Where the files of the image come from.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a demonstration's image is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its layers.
    pub layers: Vec<LayerPlan>,
    /// Its platforms.
    pub platforms: Vec<PlatformPlan>,
}

/// One layer.
#[derive(Debug, Clone)]
pub struct LayerPlan {
    /// Places that are gone through until there is enough, in this order.
    pub roots: Vec<Root>,
    /// Bytes of files that are taken at most.
    pub most_bytes: u64,
}

/// A folder of this machine.
#[derive(Debug, Clone)]
pub struct Root {
    /// Where it is.
    pub folder: PathBuf,
    /// Where its files go in the image, without `/` before it and behind it.
    pub into: String,
}

/// One platform.
#[derive(Debug, Clone)]
pub struct PlatformPlan {
    /// As Go names architectures.
    pub architecture: &'static str,
    /// Its layers by their places in [`Plan::layers`], from the bottom up.
    pub layers: Vec<usize>,
}

const MIB: u64 = 1 << 20;

impl Plan {
    /// Out of what most machines have, and the Rust toolchain where there is one: at most 432 MiB of files.
    #[must_use]
    pub fn of_this_machine() -> Plan {
        let usr = |name: &str| Root {
            folder: PathBuf::from("/usr").join(name),
            into: format!("usr/{name}"),
        };
        let rust = |name: &str| Root {
            folder: sysroot().unwrap_or_default().join(name),
            into: format!("opt/rust/{name}"),
        };
        let layer = |roots, mib: u64| LayerPlan {
            roots,
            most_bytes: mib * MIB,
        };
        let layers = vec![
            layer(vec![usr("share"), rust("share")], 96),
            layer(vec![usr("lib"), usr("libexec"), rust("lib")], 128),
            layer(vec![rust("lib/rustlib"), usr("local"), usr("sbin")], 128),
            layer(vec![usr("bin"), rust("bin")], 64),
            // Too small for a zTOC, as the topmost layers of real images often are.
            layer(vec![usr("include"), rust("etc"), usr("share/doc")], 1),
        ];
        // Real platforms share what belongs to no architecture. Here all files are this machine's, whatever the platform is called, and
        // what is shared is at the bottom and at the top.
        let platform = |architecture, layers: &[usize]| PlatformPlan {
            architecture,
            layers: layers.to_vec(),
        };
        Plan {
            layers,
            platforms: vec![
                platform("amd64", &[0, 1, 3, 4]),
                platform("arm64", &[0, 2, 3, 4]),
            ],
        }
    }
}

/// The folder of the Rust toolchain, where there is one.
fn sysroot() -> Option<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--print", "sysroot"]);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    let path = PathBuf::from(path.trim_end_matches('\n'));
    path.is_absolute().then_some(path)
}
