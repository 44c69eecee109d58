//! A PostgreSQL of Debian's package, on a free port of this machine, gone with the test.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{certificate, missing::missing};
use disputebot::source::{
    Settings,
    database::{Database, Relation, Server, Tls},
};

/// The password of the account that reads.
pub(crate) const PASSWORD: &str = "pw-canary-5521";

/// A server with one database, `claims`, and the account `reader`.
pub(crate) struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
    pub(crate) port: u16,
}

impl Postgres {
    /// None, told by name, where PostgreSQL is not installed; a failure then where CI is set.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            missing("not run: PostgreSQL is not here; install `postgresql`");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        run(Command::new("chmod").arg("711").arg(folder.path()));
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let secret = folder.path().join("password");
        fs::File::create(&secret).unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        let made = certificate::make(folder.path());
        for (from, name) in [(&made.certificate, "server.crt"), (&made.key, "server.key")] {
            fs::copy(from, data.join(name)).unwrap();
        }
        if is_root() {
            run(Command::new("chown").args(["-R", "postgres"]).args([&data, &secret]));
        }
        for entry in fs::read_dir(&data).unwrap() {
            // The folder must be empty for initdb; the certificate comes back after it.
            let entry = entry.unwrap().path();
            run(Command::new("mv").arg(&entry).arg(folder.path()));
        }
        run(as_server(&programs.join("initdb"))
            .args(["--auth=scram-sha-256", "--username=owner", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .arg(format!("--pwfile={}", secret.display()))
            .arg("-D")
            .arg(&data));
        for name in ["server.crt", "server.key"] {
            run(Command::new("mv").arg(folder.path().join(name)).arg(&data));
        }
        // Another process may take the port between the look and the start.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let options = format!(
                "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c ssl=on \
                 -c max_connections=20 -c shared_buffers=16MB"
            );
            let started = as_server(&programs.join("pg_ctl"))
                .args(["start", "-w", "-t", "60", "-D"])
                .arg(&data)
                .arg("-l")
                .arg(data.join("log"))
                .args(["-o", &options])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            if started.success() {
                let server = Self { folder, programs, port };
                server.sql_in("postgres", "CREATE DATABASE claims");
                server.sql(&format!("CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'"));
                return Some(server);
            }
        }
        panic!("PostgreSQL did not start: {}", fs::read_to_string(data.join("log")).unwrap_or_default());
    }

    /// Runs statements as the owner.
    pub(crate) fn sql(&self, statements: &str) {
        self.sql_in("claims", statements);
    }

    /// The first value that a statement of the owner gives.
    pub(crate) fn value(&self, statement: &str) -> String {
        let output = Command::new(self.programs.join("psql"))
            .args(["-q", "-X", "-A", "-t", "-h", "127.0.0.1", "-U", "owner", "-d", "claims"])
            .args(["-p", &self.port.to_string(), "-c", statement])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn sql_in(&self, database: &str, statements: &str) {
        run(Command::new(self.programs.join("psql"))
            .args(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "owner", "-d", database])
            .args(["-p", &self.port.to_string(), "-c", statements])
            .env("PGPASSWORD", PASSWORD));
    }

    /// The certificate of the server, which is its own authority.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("certificate.pem")).unwrap()
    }

    /// How `reader` reads from it.
    pub(crate) fn source(&self, relation: Relation) -> Settings {
        let database = Database {
            server: Server::Postgres,
            host: "127.0.0.1".to_owned(),
            port: self.port,
            name: "claims".to_owned(),
            relation,
            tls: Tls::Off,
            authority: None,
            timeout: Duration::from_mins(1),
        };
        Settings {
            database: Some(database),
            user: Some("reader".to_owned()),
            secret: Some(PASSWORD.to_owned().into()),
            ..Settings::default()
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        let stopped = as_server(&self.programs.join("pg_ctl"))
            .args(["stop", "-w", "-m", "immediate", "-D"])
            .arg(data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            eprintln!("PostgreSQL on port {} could not be stopped", self.port);
        }
    }
}

/// The newest one that is installed.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|programs| ["initdb", "pg_ctl", "psql"].iter().all(|name| programs.join(name).exists()))
        .collect();
    found.sort_by_key(|programs| {
        programs.parent().and_then(|version| version.file_name()?.to_str()?.parse::<u32>().ok())
    });
    found.pop()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// PostgreSQL refuses to run as root.
fn as_server(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program).current_dir("/");
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
