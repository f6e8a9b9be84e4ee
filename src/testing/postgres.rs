//! A real PostgreSQL for a test: a cluster in a temporary folder, on a port of its own, ended with the test.
//!
//! The programs are those of Debian's package, or on the PATH. PostgreSQL refuses to run as root, so root's tests run it as
//! `postgres` or `nobody`. Without it a test fails and says so.

use std::fmt;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::net::TcpStream;

use super::probe::Folder;
use super::wait_for;

/// A port can be lost between its choice and its use; then the server is started again on another.
const ATTEMPTS: u32 = 5;

/// A running server. Dropping it ends it at once.
pub struct Postgres {
    programs: PathBuf,
    folder: Folder,
    account: Option<(u32, u32)>,
    port: u16,
}

impl Postgres {
    /// Makes a cluster and starts a server of it.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start.
    pub async fn start() -> Self {
        let programs = programs().unwrap_or_else(|| {
            panic!("no PostgreSQL: neither `initdb` on the PATH nor /usr/lib/postgresql/*/bin: run `make setup`")
        });
        let mut postgres = Self {
            programs,
            folder: Folder::new(),
            account: account(),
            port: 0,
        };
        if let Some((user, group)) = postgres.account {
            std::os::unix::fs::chown(postgres.folder.path(), Some(user), Some(group))
                .unwrap_or_else(|error| panic!("the folder cannot be given away: {error}"));
        }
        let made = postgres.run(
            "initdb",
            &[
                "--no-sync",
                "--auth=trust",
                "--username=lyceum",
                "--encoding=UTF8",
                "--locale=C",
            ],
        );
        assert!(made.0, "initdb: {}", made.1);
        for attempt in 1..=ATTEMPTS {
            postgres.port = free_port();
            if postgres.begin() {
                break;
            }
            assert!(attempt < ATTEMPTS, "PostgreSQL does not start: {}", postgres.log());
        }
        postgres.answers().await;
        postgres
    }

    /// `postgres://…`, of an account that may do everything.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://lyceum@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends it as a crash does: nobody hears good-bye.
    pub fn crash(&self) {
        self.run("pg_ctl", &["stop", "--mode=immediate", "--silent"]);
    }

    /// Starts it again on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&self) {
        assert!(self.begin(), "PostgreSQL does not start again: {}", self.log());
        self.answers().await;
    }

    async fn answers(&self) {
        wait_for("PostgreSQL", || async {
            TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()
        })
        .await;
    }

    fn begin(&self) -> bool {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -p {} -c unix_socket_directories='' -c fsync=off -c max_connections=60",
            self.port
        );
        let log = self.folder.path().join("log");
        let log = log.to_string_lossy();
        self.run(
            "pg_ctl",
            &["start", "--silent", "--wait", "-o", &options, "--log", &log],
        )
        .0
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Runs a program of PostgreSQL's on the cluster; whether it went well, and what it said.
    fn run(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(self.programs.join(program));
        command
            .arg("-D")
            .arg(self.folder.path().join("cluster"))
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::null());
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        // To a file: a server that was started keeps what it was given, and would hold a pipe open.
        let said = self.folder.path().join(format!("{program}.said"));
        let output = fs::File::create(&said).and_then(|file| Ok((file.try_clone()?, file)));
        let (errors, output) = output.unwrap_or_else(|error| panic!("{}: {error}", said.display()));
        let status = command
            .stdout(output)
            .stderr(errors)
            .status()
            .unwrap_or_else(|error| panic!("{program} does not run: {error}"));
        (status.success(), fs::read_to_string(&said).unwrap_or_default())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.crash();
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("no free port: {error}"));
    listener.local_addr().map_or(0, |address| address.port())
}

/// The folder of the programs, the newest version's.
fn programs() -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test helper looks for a program as a shell would"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has = |folder: &Path| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file();
    if let Some(folder) = std::env::split_paths(&path).find(|folder| has(folder)) {
        return Some(folder);
    }
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| has(folder))
        .collect();
    versions.sort();
    versions.pop().map(|(_, folder)| folder)
}

/// Whom root runs it as; none for anybody else, who runs it themselves.
fn account() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    // Whose process this is.
    let me = fs::metadata("/proc/self").ok()?.uid();
    if me != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["postgres", "nobody"].iter().find_map(|name| {
        let line = accounts.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}
