//! The bill of materials: every crate in what is shipped, in CycloneDX's JSON.

use anyhow::Result;
use serde_json::json;

use super::crates::Crate;

/// The file.
pub(super) const NAME: &str = "soci-index-builder.cdx.json";

/// The document; the same for the same lock file.
pub(super) fn document(crates: &[Crate], version: &str) -> Result<Vec<u8>> {
    let own = format!("pkg:github/soci-index-builder@{version}");
    let purl = |one: &Crate| format!("pkg:cargo/{}@{}", one.name, one.version);
    let components: Vec<_> = crates
        .iter()
        .map(|one| {
            json!({
                "type": "library",
                "bom-ref": purl(one),
                "name": one.name,
                "version": one.version,
                "purl": purl(one),
                "hashes": [{"alg": "SHA-256", "content": one.checksum}],
                "licenses": [{"expression": one.licence.replace('/', " OR ")}],
            })
        })
        .collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {
            "type": "application",
            "bom-ref": own,
            "name": "soci-index-builder",
            "version": version,
            "licenses": [{"license": {"id": "Apache-2.0"}}],
        }},
        "components": components,
        "dependencies": [{"ref": own, "dependsOn": crates.iter().map(purl).collect::<Vec<_>>()}],
    });
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::crates::tests::of_this_workspace;
    use super::*;

    #[test]
    fn each_crate_stands_there_with_licence_and_checksum() {
        let crates = of_this_workspace();
        let document = document(&crates, "1.2.3").expect("it is written");
        let read: Value = serde_json::from_slice(&document).expect("it is JSON");
        assert_eq!(read["metadata"]["component"]["version"], "1.2.3");
        let components = read["components"].as_array().expect("a list");
        assert_eq!(components.len(), crates.len());
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
