//! What a program writes to its standard output, line by line, while it runs.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio::task::JoinHandle;

pub(crate) struct Written {
    lines: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
}

impl Written {
    /// Reads until the program closes it.
    pub(crate) fn to(stdout: ChildStdout) -> Written {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let reader = tokio::spawn(async move {
            let mut stdout = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = stdout.next_line().await {
                written.lock().expect("no test panics here").push(line);
            }
        });
        Written { lines, reader }
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no test panics here").clone()
    }

    /// Waits for the last one.
    pub(crate) async fn end(&mut self) {
        let _ = (&mut self.reader).await;
    }
}
