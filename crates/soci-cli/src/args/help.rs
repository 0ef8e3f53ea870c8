//! What `--help` ends with: how a command is meant to be used, its exit codes, and examples. `-h` has none of it.
//!
//! A test runs every example: lines that begin with two spaces and no `#`. They fit a terminal of 80 columns, so that none is broken where
//! it is copied from.

/// Stands before what a command's exit codes mean.
pub(crate) const EXIT_CODES: &str = "Exit codes: ";

/// Stands above the examples.
pub(crate) const EXAMPLES: &str = "Examples:\n";

pub(super) const TOP: &str = "\
Run `soci-index COMMAND --help` for what a command does, its exit codes and examples of its own.

Examples:
  # see all of it on this machine, with nothing installed
  soci-index demo
  # index an image where it lies; the result is 127.0.0.1:5000/app:1-soci
  soci-index build 127.0.0.1:5000/app:1
  # what of it is indexed, and is that right?
  soci-index inspect 127.0.0.1:5000/app:1-soci
  soci-index verify 127.0.0.1:5000/app:1-soci";

pub(super) const BUILD: &str = "\
An image is docker://HOST/REPOSITORY:TAG (docker:// may be left out), oci:DIR[:TAG] or oci-archive:FILE[:TAG]. \
The result goes beside it under a tag of its own; the image itself is not touched. Registries get the credentials that \
`docker login` left in Docker's config.json, those of Amazon ECR a token that is asked for with your AWS credentials.

Exit codes: 0 indexed, now or before; 3 skipped with a reason; 1 failed; 2 wrong usage. Of several images, the worst: 1, 3, 0.

Examples:
  # only tell what would be done
  soci-index build --dry-run 127.0.0.1:5000/app:1
  # index an image where it lies; the result is 127.0.0.1:5000/app:1-soci
  soci-index build 127.0.0.1:5000/app:1
  # one platform of an image in an OCI layout, the outcome as JSON
  soci-index build --json --platform linux/amd64 oci:images:app
  # an archive, as `docker buildx build -o type=oci,dest=app.tar .` writes it
  soci-index build oci-archive:app.tar
  # another tag for the result
  soci-index build --output-tag '{tag}-lazy' oci:images:app";

pub(super) const INSPECT: &str = "\
Reads the image's documents, no layers. A layer without a zTOC has the reason that was noted when the image was indexed, or \
the one for which it would be left out by default.

Exit codes: 0 read, 1 failed, 2 wrong usage.

Examples:
  # what is indexed, what is not and why
  soci-index inspect 127.0.0.1:5000/app:1-soci
  # the same for scripts
  soci-index inspect --json oci:images:app-soci | jq '.platforms[].layers'
  # a page for a browser: spans of each layer, and where each file lies
  soci-index inspect --html app.html oci:images:app-soci";

pub(super) const VERIFY: &str = "\
Walks from the tag to the zTOCs and back, and holds the zTOCs against their layers: by default some spans of each layer, fetched by \
their ranges; with --structure no layer; with --full every byte of each layer, which is read once and not stored. Works on what \
any tool has indexed.

Exit codes: 0 everything looked at is right, 1 something is wrong, there is no SOCI index, or it could not be found out, 2 wrong \
usage.

Examples:
  # links, zTOCs, and a sample of each layer
  soci-index verify 127.0.0.1:5000/app:1-soci
  # every span and every file
  soci-index verify --full oci:images:app-soci
  # what is wrong, one line each
  soci-index verify --json oci:images:app-soci |
    jq -r '.platforms[].findings[].message'";

pub(super) const MATCH: &str = "\
FILTERS are wildcards over REPOSITORY:TAG with commas between: * stands for any characters (/ and : too), ? for one, \
[a-z] and [!a-z] for one that is or is not in the set. They match as Python's fnmatchcase does. A filter that begins with ! \
excludes; where all of them do, everything else matches.

Exit codes: 0 all match, 3 not all, 2 wrong usage.

Examples:
  # all of a team's images but those for development
  soci-index match 'team/*:*,!*:*-dev' team/app:1.0
  # versions only; the registry's host does not count
  soci-index match '*:v[0-9]*' \\
    123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:v2";

pub(super) const DEMO: &str = "\
Starts a registry on 127.0.0.1, makes an image of files that everybody on this machine may read (a few hundred MB, two platforms), \
pushes it, and hands the push to the function as an event of Amazon ECR. Then every file is read through the zTOCs and held against \
its SHA-256 on the disk. With --image, the zTOCs of that image are held against its layers in full. All files are in a temporary \
folder (TMPDIR says where), which is removed at the end.

Exit codes: 0 indexed and proven, 3 the function had nothing to index, 1 failed or something is wrong, 2 wrong usage.

Examples:
  # an image of this machine's files
  soci-index demo
  # an image of yours
  soci-index demo --image docker.io/library/python:3
  # go on indexing whatever is pushed to 127.0.0.1:5000, until Ctrl-C
  soci-index demo --keep --port 5000";

pub(super) const ZTOC: &str = "\
A layer is one of the blobs that an image's manifest lists: gzip or tar.

Examples:
  soci-index ztoc create layer.tar.gz -o layer.ztoc
  soci-index ztoc info layer.ztoc
  soci-index ztoc cat layer.ztoc layer.tar.gz etc/os-release";

pub(super) const CREATE: &str = "\
Exit codes: 0 made, 3 left out with a reason (no file is written), 1 failed, 2 wrong usage.

Examples:
  soci-index ztoc create layer.tar.gz -o layer.ztoc
  # from standard input, as a download would arrive
  cat layer.tar.gz | soci-index ztoc create - -o layer.ztoc
  # only if the layer is the one that it should be
  digest=sha256:$(sha256sum layer.tar.gz | cut -c -64)
  soci-index ztoc create layer.tar.gz -o layer.ztoc --digest \"$digest\"";

pub(super) const INFO: &str = "\
Exit codes: 0 printed, 1 failed, 2 wrong usage.

Examples:
  soci-index ztoc info layer.ztoc
  # the names of all files
  soci-index ztoc info layer.ztoc | jq -r '.files[].filename'";

pub(super) const CAT: &str = "\
Exit codes: 0 printed, 1 failed, 2 wrong usage.

Examples:
  soci-index ztoc cat layer.ztoc layer.tar.gz etc/os-release";

pub(super) const COMPLETIONS: &str = "\
Exit codes: 0 printed, 1 failed, 2 wrong usage.

Examples:
  # from the next shell on; for zsh, behind the line with compinit
  echo 'source <(soci-index completions bash)' >> ~/.bashrc
  echo 'source <(soci-index completions zsh)' >> ~/.zshrc
  # fish reads this folder by itself
  mkdir -p ~/.config/fish/completions
  soci-index completions fish > ~/.config/fish/completions/soci-index.fish";

pub(super) const MAN: &str = "\
The page of a command of commands has their names with - between: `man soci-index-ztoc-create`.

Exit codes: 0 written, 1 failed, 2 wrong usage.

Examples:
  # for you alone; `man soci-index` finds it if ~/.local/bin is on the PATH
  soci-index man ~/.local/share/man/man1";
