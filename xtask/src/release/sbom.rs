//! The bill of materials: every crate in what is shipped, in CycloneDX's JSON.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};

use super::crates::{Crate, Id, Shipped};

/// The file.
pub(super) const NAME: &str = "soci-index-builder.cdx.json";

/// What the document calls this project.
const OWN: &str = "soci-index-builder";

/// The document; the same for the same lock file.
pub(super) fn document(shipped: &Shipped, version: &str) -> Result<Vec<u8>> {
    let components: Vec<_> = shipped.crates.iter().map(component).collect();
    let uses = |user: &str, used: &BTreeSet<Id>| json!({"ref": user, "dependsOn": used.iter().map(purl).collect::<Vec<_>>()});
    let of_crates = shipped
        .crates
        .iter()
        .map(|one| uses(&purl(&one.id()), &one.uses));
    let dependencies: Vec<_> = std::iter::once(uses(OWN, &shipped.direct))
        .chain(of_crates)
        .collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {
            "type": "application",
            "bom-ref": OWN,
            "name": OWN,
            "version": version,
            "licenses": [{"license": {"id": "Apache-2.0"}}],
        }},
        "components": components,
        "dependencies": dependencies,
    });
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn component(one: &Crate) -> Value {
    let purl = purl(&one.id());
    json!({
        "type": "library",
        "bom-ref": purl,
        "name": one.name,
        "version": one.version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": one.checksum}],
        "licenses": [{"expression": one.licence.replace('/', " OR ")}],
    })
}

/// A crate's address among all packages of the world.
fn purl((name, version): &Id) -> String {
    format!("pkg:cargo/{name}@{version}")
}

#[cfg(test)]
mod tests {
    use super::super::crates::tests::of_this_workspace;
    use super::*;

    #[test]
    fn each_crate_stands_there_with_licence_and_checksum() {
        let shipped = of_this_workspace();
        let document = document(&shipped, "1.2.3").expect("it is written");
        let read: Value = serde_json::from_slice(&document).expect("it is JSON");
        assert_eq!(read["metadata"]["component"]["version"], "1.2.3");
        let components = read["components"].as_array().expect("a list");
        assert_eq!(components.len(), shipped.crates.len());
        for component in components {
            let licence = component["licenses"][0]["expression"].as_str();
            assert!(
                licence.is_some_and(|licence| !licence.contains('/')),
                "{component}"
            );
            assert_eq!(
                component["hashes"][0]["content"].as_str().map(str::len),
                Some(64)
            );
        }
    }
}
