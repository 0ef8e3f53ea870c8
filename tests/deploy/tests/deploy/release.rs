//! What a release brings for security reviews, held to the schema that their programs read it by.

use std::path::Path;
use std::process::Command;

use soci_deploy::program::{Said, from_xtask, run};

/// By the library of CycloneDX's makers, which comes with checkov. It prints the fault, if there is one.
const VALIDATE: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
fault = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
sys.exit(str(fault.data.message) if fault else 0)
";

fn validated(bill: &Path) -> Said {
    let scan = from_xtask("SOCI_POLICY_SCAN");
    let mut python = Command::new(scan.with_file_name("python"));
    python.args(["-c", VALIDATE]).arg(bill);
    run(&mut python, "")
}

/// A folder as building leaves it; the program is not looked into.
fn built() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("soci-index"), "a program").expect("it is written");
    let mut tar = Command::new("tar");
    tar.current_dir(folder.path());
    tar.args(["-czf", "soci-index-static-x86_64.tar.gz", "soci-index"]);
    let _ = run(&mut tar, "").success();
    folder
}

#[test]
fn the_bill_of_materials_follows_cyclonedx() {
    let folder = built();
    let mut finish = Command::new(from_xtask("SOCI_XTASK"));
    finish.args(["release", "--folder"]).arg(folder.path());
    let tag = concat!("v", env!("CARGO_PKG_VERSION"));
    finish.args(["finish", "--tag", tag]);
    let _ = run(&mut finish, "").success();
    let bill = folder.path().join("soci-index-builder.cdx.json");
    let _ = validated(&bill).success();

    let text = std::fs::read_to_string(&bill).expect("it is there");
    std::fs::write(&bill, text.replace("\"library\"", "\"book\"")).expect("it is ours");
    let said = validated(&bill);
    assert!(
        !said.status.success() && said.errors.contains("book"),
        "{}",
        said.errors
    );
}
