//! A real Consul agent for a test: `consul agent -dev` on ports of its own, killed with the test.
//!
//! The binary is `consul` on the PATH, or `.tools/bin/consul` in the package's folder or one above it, where `make setup`
//! puts it. Without one a test fails and says so: a test that passes because it could not run is worse than none.

use std::env::consts::EXE_SUFFIX;
use std::fmt;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::process::{Child, Command};

use super::wait_for;
use crate::consul::{Address, Client, Settings, Token};

/// A port can be lost between its choice and its use; then the agent is started again on others.
const ATTEMPTS: u32 = 5;

/// A running agent. Dropping it kills it at once.
pub struct Consul {
    binary: PathBuf,
    ports: Ports,
    folder: PathBuf,
    extra: String,
    /// For an agent that is no server itself: where to join one.
    joins: Option<u16>,
    child: Option<Child>,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    http: u16,
    server: u16,
    serf: u16,
}

// === impl Consul ===

impl Consul {
    /// Starts an agent and waits until it has a leader.
    ///
    /// # Panics
    /// When there is no binary, or it does not start.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// As [`Consul::start`], with more configuration in HCL, as `acl { enabled = true }`. Only for what the agent takes
    /// with every version. With access control on, an anonymous client must still be allowed to name the leader.
    ///
    /// # Panics
    /// When there is no binary, or it does not start.
    pub async fn start_with(extra: &str) -> Self {
        Self::start_as(extra, None).await
    }

    /// Starts an agent that denies everything to everyone but the bearer of this token (a UUID), and waits until it takes
    /// policies: make them with [`Consul::command`].
    ///
    /// # Panics
    /// When there is no binary, or it does not start.
    pub async fn start_with_access_control(operator: &str) -> Self {
        let binary = binary().unwrap_or_default();
        let word = if version(&binary).await >= (1, 11) {
            "initial_management"
        } else {
            "master"
        };
        let acl = format!("acl {{ enabled = true, default_policy = \"deny\", tokens {{ {word} = \"{operator}\" }} }}");
        let consul = Self::start_with(&acl).await;
        let client = consul.client_with(operator);
        wait_for("access control", || async {
            client.kv_put("lyceum/testing", "").await.is_ok()
        })
        .await;
        consul
    }

    /// Starts an agent that is no server but a node of this one's cluster, named `node`, and waits until it hears of the
    /// leader.
    ///
    /// # Panics
    /// When there is no binary, or it does not start.
    pub async fn start_node(&self) -> Self {
        Self::start_as("", Some(self.ports.serf)).await
    }

    async fn start_as(extra: &str, joins: Option<u16>) -> Self {
        let binary = binary().unwrap_or_else(|| {
            panic!("no `consul` on the PATH and no .tools/bin/consul here or above: run `make setup`")
        });
        for attempt in 1..=ATTEMPTS {
            let mut consul = Self {
                binary: binary.clone(),
                ports: Ports::choose(),
                folder: folder(),
                extra: extra.to_owned(),
                joins,
                child: None,
            };
            if consul.launch().await {
                return consul;
            }
            assert!(attempt < ATTEMPTS, "consul does not start: {}", consul.log());
        }
        unreachable!("the last attempt returned or failed")
    }

    /// `127.0.0.1:port` of its HTTP interface.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.http)
    }

    /// Settings for a client of it.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings::new(Address::Http(self.address()))
    }

    /// A client of it.
    ///
    /// # Panics
    /// Never: the settings are right.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::try_new(&self.settings()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A client of it that shows a token.
    ///
    /// # Panics
    /// When no header can carry the token.
    #[must_use]
    pub fn client_with(&self, token: &str) -> Client {
        let settings = Settings {
            token: Token::new(token),
            ..self.settings()
        };
        Client::try_new(&settings).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The path of its unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("http.sock")
    }

    /// The agent's process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Runs Consul's own command against the agent, as an operator does, and returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub async fn command(&self, arguments: &[&str], token: &str) -> String {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .env("CONSUL_HTTP_ADDR", self.address())
            .env("CONSUL_HTTP_TOKEN", token)
            .kill_on_drop(true);
        let output = command
            .output()
            .await
            .unwrap_or_else(|error| panic!("{} does not run: {error}", self.binary.display()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "consul {arguments:?} failed: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Kills it; its ports stay its own.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself: then there is nothing left to kill.
            let _ = child.kill().await;
        }
    }

    /// Starts it again on the same ports without any of its data, and waits until it has a leader.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again_wiped(&mut self) {
        self.kill().await;
        assert!(self.launch().await, "consul does not start again: {}", self.log());
    }

    /// Starts the process with fresh data; whether it became ready.
    async fn launch(&mut self) -> bool {
        let data = self.folder.join("data");
        let _ = std::fs::remove_dir_all(&data);
        let _ = std::fs::remove_file(self.socket());
        if let Err(error) = std::fs::create_dir_all(&data) {
            panic!("{} cannot be made: {error}", data.display());
        }
        let settings = self.folder.join("agent.hcl");
        let text = format!(
            "addresses {{ http = \"127.0.0.1 unix://{}\" }}\n{}\n",
            self.socket().display(),
            self.extra
        );
        let log = std::fs::write(&settings, text)
            .and_then(|()| std::fs::File::create(self.folder.join("log")))
            .unwrap_or_else(|error| panic!("{} cannot be written: {error}", self.folder.display()));
        let mut command = Command::new(&self.binary);
        command
            .args([
                "agent",
                "-dev",
                "-bind=127.0.0.1",
                "-log-level=warn",
                "-node=test",
                "-disable-host-node-id",
            ])
            .args(["-dns-port=-1", "-grpc-port=-1", "-serf-wan-port=-1"])
            .arg(format!("-http-port={}", self.ports.http))
            .arg(format!("-server-port={}", self.ports.server))
            .arg(format!("-serf-lan-port={}", self.ports.serf))
            .arg(format!("-data-dir={}", data.display()))
            .arg(format!("-config-file={}", settings.display()))
            .stdin(Stdio::null())
            .stderr(log.try_clone().map_or_else(|_| Stdio::null(), Stdio::from))
            .stdout(log)
            .kill_on_drop(true);
        match self.joins {
            None => command.arg("-node=test"),
            Some(port) => command
                .args(["-node=node", "-server=false"])
                .arg(format!("-retry-join=127.0.0.1:{port}")),
        };
        // One more port since 1.14, which has to be told to stay shut; earlier ones do not know the flag.
        if version(&self.binary).await >= (1, 14) {
            command.arg("-grpc-tls-port=-1");
        }
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not run: {error}", self.binary.display()));
        let child = self.child.insert(child);
        let client = Client::try_new(&Settings::new(Address::Http(format!("127.0.0.1:{}", self.ports.http))))
            .unwrap_or_else(|error| panic!("{error}"));
        let ended = std::cell::Cell::new(false);
        let cell = std::cell::RefCell::new(child);
        wait_for("consul's leader", || async {
            ended.set(cell.borrow_mut().try_wait().is_ok_and(|status| status.is_some()));
            // A leader alone is not enough: until the agent has registered itself, reads may find no node.
            ended.get()
                || (matches!(client.leader().await, Ok(Some(_)))
                    && client
                        .services(&crate::consul::Query::default())
                        .await
                        .is_ok_and(|answer| answer.index > 1))
        })
        .await;
        !ended.get()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl fmt::Debug for Consul {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consul")
            .field("address", &self.address())
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

impl Drop for Consul {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.start_kill();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

// === impl Ports ===

impl Ports {
    /// Free ports; held together until all are chosen, so that they differ.
    fn choose() -> Self {
        let listeners: Vec<TcpListener> = (0..3)
            .map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("no free port: {error}")))
            .collect();
        let port = |listener: &TcpListener| {
            listener
                .local_addr()
                .unwrap_or_else(|error| panic!("a port without a number: {error}"))
                .port()
        };
        Self {
            http: port(&listeners[0]),
            server: port(&listeners[1]),
            serf: port(&listeners[2]),
        }
    }
}

/// The major and minor version of a binary: a few words of the configuration changed.
async fn version(binary: &Path) -> (u32, u32) {
    let output = Command::new(binary).arg("version").output().await;
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let words = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix('v'))
        .unwrap_or_default();
    let mut numbers = words.split('.').map_while(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn binary() -> Option<PathBuf> {
    let name = format!("consul{EXE_SUFFIX}");
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    #[expect(
        clippy::disallowed_methods,
        reason = "a test helper looks for a program as a shell would"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    on_path
        .into_iter()
        .map(|folder| folder.join(&name))
        .chain(here.ancestors().map(|folder| folder.join(".tools/bin").join(&name)))
        .find(|file| file.is_file())
}

/// A folder of this agent's own: short, as a unix socket's path may not be long.
fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("lyceum-consul-{}-{number}", std::process::id()))
}
