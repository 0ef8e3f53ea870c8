//! Platforms as container runtimes write them: one name for each architecture, variants only where they tell something.
//!
//! The rules are those of containerd's `platforms` package, by which soci-snapshotter names and compares platforms.

use crate::document::Platform;

impl Platform {
    /// Of an `os/architecture[/variant]` that somebody wrote.
    pub(crate) fn parse(name: &str) -> Platform {
        let mut parts = name.splitn(3, '/').map(str::to_owned);
        let (os, architecture) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        Platform {
            os,
            architecture,
            variant: parts.next(),
            ..Platform::default()
        }
        .normalized()
    }

    /// The same platform under its usual name.
    pub(crate) fn normalized(mut self) -> Platform {
        self.os = match self.os.to_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            os => os.to_owned(),
        };
        let variant = self.variant.take().unwrap_or_default().to_lowercase();
        let (architecture, variant) =
            match (self.architecture.to_lowercase().as_str(), variant.as_str()) {
                ("i386", _) => ("386".to_owned(), String::new()),
                ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64".to_owned(), String::new()),
                ("x86_64" | "x86-64" | "amd64", variant) => {
                    ("amd64".to_owned(), variant.to_owned())
                }
                ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64".to_owned(), String::new()),
                ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => {
                    ("arm64".to_owned(), "v9".to_owned())
                }
                ("aarch64" | "arm64", variant) => ("arm64".to_owned(), variant.to_owned()),
                ("armhf", _) | ("arm", "" | "7") => ("arm".to_owned(), "v7".to_owned()),
                ("armel", _) | ("arm", "6") => ("arm".to_owned(), "v6".to_owned()),
                ("arm", number @ ("5" | "8")) => ("arm".to_owned(), format!("v{number}")),
                (architecture, variant) => (architecture.to_owned(), variant.to_owned()),
            };
        self.architecture = architecture;
        self.variant = Some(variant).filter(|variant| !variant.is_empty());
        self
    }

    /// Whether both run the same images.
    pub(crate) fn is_same(&self, other: &Platform) -> bool {
        let name = |platform: &Platform| platform.clone().normalized().name();
        name(self) == name(other) && self.os_version == other.os_version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_platforms_as_containerd_does() {
        for (written, usual) in [
            ("linux/amd64", "linux/amd64"),
            ("Linux/x86_64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8.0", "linux/arm64"),
            ("linux/arm64/9", "linux/arm64/v9"),
            ("linux/arm64/v8.2", "linux/arm64/v8.2"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/i386", "linux/386"),
            ("linux/riscv64", "linux/riscv64"),
        ] {
            assert_eq!(Platform::parse(written).name(), usual, "{written}");
        }
    }
}
