//! The command line as a container image, in an OCI archive: the static program, Mozilla's certificate authorities at the version of the lock
//! file, and nothing else. Whoever packs it may trust others. Made here byte by byte, since it takes a daemon otherwise, and so that the same files give the same image.

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::program::{PROGRAM, Program, gzip, tar};
use crate::sha256;

/// The file.
pub(super) const NAME: &str = "soci-index-image.tar";

/// Where Debian and others keep certificate authorities, and where programs look for them.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";

/// Characters of a line of PEM.
const PEM_COLUMNS: usize = 64;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Blobs by their digests, as an OCI layout has them.
#[derive(Default)]
struct Blobs(Vec<(String, Vec<u8>)>);

impl Blobs {
    /// Keeps a blob, and describes it.
    fn keep(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let hex = sha256::hex(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len()});
        if self.0.iter().all(|(own, _)| *own != hex) {
            self.0.push((hex, bytes));
        }
        descriptor
    }

    fn keep_json(&mut self, media_type: &str, value: &Value) -> Value {
        self.keep(media_type, value.to_string().into_bytes())
    }
}

/// The archive, with an image for each processor.
pub(super) fn archive(programs: &[Program], version: &str) -> Result<Vec<u8>> {
    of(programs, authorities().as_bytes(), version)
}

/// Mozilla's certificate authorities, in PEM (RFC 7468).
fn authorities() -> String {
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let text = BASE64_STANDARD.encode(certificate);
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(PEM_COLUMNS) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

fn of(programs: &[Program], authorities: &[u8], version: &str) -> Result<Vec<u8>> {
    let mut blobs = Blobs::default();
    let mut manifests = Vec::new();
    for program in programs {
        let files = [
            (AUTHORITIES, authorities, 0o644),
            (PROGRAM, &program.bytes, 0o755),
        ];
        let layer = tar(&files)?;
        let diff_id = format!("sha256:{}", sha256::hex(&layer));
        let layer = blobs.keep(LAYER, gzip(&layer)?);
        let architecture = match program.arch.name() {
            "x86_64" => "amd64",
            other => other,
        };
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {
                "Entrypoint": [format!("/{PROGRAM}")],
                "Env": [format!("SSL_CERT_FILE=/{AUTHORITIES}")],
                "Labels": {
                    "org.opencontainers.image.title": PROGRAM,
                    "org.opencontainers.image.version": version,
                    "org.opencontainers.image.licenses": "Apache-2.0",
                },
            },
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        });
        let config = blobs.keep_json(CONFIG, &config);
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
        let mut manifest = blobs.keep_json(MANIFEST, &manifest);
        manifest["platform"] = json!({"architecture": architecture, "os": "linux"});
        manifests.push(manifest);
    }
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
    let mut entry = blobs.keep_json(INDEX, &index);
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": version});
    let listed = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string();
    let marker = json!({"imageLayoutVersion": "1.0.0"}).to_string();
    let paths: Vec<_> = blobs
        .0
        .iter()
        .map(|(hex, _)| format!("blobs/sha256/{hex}"))
        .collect();
    let mut files = vec![
        ("oci-layout", marker.as_bytes(), 0o644),
        ("index.json", listed.as_bytes(), 0o644),
    ];
    let blobs = paths.iter().zip(&blobs.0);
    files.extend(blobs.map(|(path, (_, bytes))| (path.as_str(), bytes.as_slice(), 0o644)));
    tar(&files)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;
    use crate::package::Arch;

    /// OpenSSL, by other people, reads each of them.
    #[test]
    fn authorities_are_certificates() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("authorities.pem");
        fs::write(&path, authorities()).expect("it is written");
        let mut openssl = Command::new("openssl");
        openssl
            .args(["crl2pkcs7", "-nocrl", "-certfile"])
            .arg(&path);
        let packed = openssl
            .output()
            .expect("openssl is installed: apt-get install openssl");
        assert!(packed.status.success(), "{packed:?}");
        fs::write(folder.path().join("p7"), packed.stdout).expect("it is written");
        let mut openssl = Command::new("openssl");
        openssl.args(["pkcs7", "-print_certs", "-noout", "-in"]);
        let listed = openssl.arg(folder.path().join("p7")).output();
        let listed = String::from_utf8(listed.expect("it starts").stdout).expect("it is text");
        let subjects = listed.matches("subject=").count();
        assert_eq!(subjects, webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        assert!(listed.contains("Amazon Root CA 1"), "ECR's own is missing");
    }

    /// skopeo, a client by other people, finds both platforms and everything that they name.
    #[test]
    fn an_independent_client_copies_the_image() {
        let programs = [Arch::X86_64, Arch::Arm64].map(|arch| Program {
            arch,
            bytes: arch.name().into(),
        });
        let archive = of(&programs, b"authorities", "1.2.3").expect("it is packed");
        assert_eq!(
            archive,
            of(&programs, b"authorities", "1.2.3").expect("again")
        );
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join(NAME);
        fs::write(&path, archive).expect("it is written");
        let copy = folder.path().join("copy");
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "--quiet", "--all"]);
        skopeo.arg(format!("oci-archive:{}:1.2.3", path.display()));
        skopeo.arg(format!("dir:{}", copy.display()));
        let output = skopeo
            .output()
            .expect("skopeo is installed: apt-get install skopeo");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let list = fs::read_to_string(copy.join("manifest.json")).expect("it is there");
        let list: Value = serde_json::from_str(&list).expect("it is JSON");
        let platforms = list["manifests"].as_array().expect("a list").iter();
        let platforms: Vec<_> = platforms
            .map(|one| one["platform"]["architecture"].clone())
            .collect();
        assert_eq!(platforms, ["amd64", "arm64"]);
        // Two images' layers, configs and manifests, the list, and skopeo's own note of the version.
        assert_eq!(fs::read_dir(copy).expect("it is there").count(), 8);
    }
}
