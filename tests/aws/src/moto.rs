//! AWS's APIs as moto imitates them: a second opinion on what the product asks of AWS, since nobody here wrote it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::ACCOUNT;
use crate::server::free_port;

/// Names moto's server, which `cargo xtask test` installs.
pub const MOTO_VARIABLE: &str = "SOCI_MOTO_SERVER";

/// User and password of moto's tokens for [`ACCOUNT`]'s registries.
pub const MOTO_LOGIN: (&str, &str) = ("AWS", "123456789012-auth-token");

/// Longest wait for it to listen: it is Python, and imports much.
const START: Duration = Duration::from_secs(60);

/// A running moto.
pub struct Moto {
    process: Child,
    host: String,
}

impl Moto {
    /// Starts it and waits until it answers.
    #[must_use]
    pub fn start() -> Moto {
        assert!(MOTO_LOGIN.1.starts_with(ACCOUNT));
        let path = std::env::var_os(MOTO_VARIABLE);
        let path = path.unwrap_or_else(|| {
            panic!("{MOTO_VARIABLE} is not set; run the tests with `cargo xtask test`")
        });
        Moto::of(Command::new(path))
    }

    /// The same of a program that starts moto's server in its own way, and takes its arguments.
    #[must_use]
    pub fn of(mut command: Command) -> Moto {
        let host = free_port();
        let (address, port) = host.split_once(':').expect("an address has a port");
        command.args(["-H", address, "-p", port]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut process = command.spawn().expect("moto starts");
        let patience = Instant::now() + START;
        while std::net::TcpStream::connect(&host).is_err() {
            if let Ok(Some(status)) = process.try_wait() {
                panic!("moto ended with {status}");
            }
            assert!(
                Instant::now() < patience,
                "moto does not listen after {} s",
                START.as_secs()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Moto { process, host }
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
