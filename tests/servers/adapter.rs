//! The built program with a store of its own, run as a site runs it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use crate::stage::Stage;

/// One installation: settings and a store that outlives its processes.
pub struct Adapter {
    settings: Vec<(&'static str, String)>,
    since: String,
}

/// How a process ended.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Adapter {
    /// One whose store is `name` in the stage's directory. Settings in the environment of the run are its settings too.
    pub fn new(stage: &Stage, name: &str) -> Self {
        let store: PathBuf = stage.directory.path().join(name);
        let mut settings = vec![
            ("HER2_ADAPTER__SERVER__READ", stage.server.base.clone()),
            ("HER2_ADAPTER__SERVER__ALLOW_HTTP", "true".to_owned()),
            ("HER2_ADAPTER__IDENTIFIERS__BASE", stage.base.clone()),
            ("HER2_ADAPTER__STORE__PATH", store.display().to_string()),
            ("HER2_ADAPTER__LOG__FILTER", "info".to_owned()),
        ];
        if let Some(token) = &stage.server.token {
            settings.push(("HER2_ADAPTER__SERVER__BEARER_TOKEN", token.clone()));
        }
        Self {
            settings,
            since: stage.since.clone(),
        }
    }

    /// A pass over what changed since the scene began.
    pub fn pass(&self) -> Ran {
        let ran = self.start_pass().end();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran
    }

    pub fn dry_run(&self) -> Ran {
        self.start(&["run", "--since", &self.since, "--dry-run"])
            .end()
    }

    pub fn start_pass(&self) -> Running {
        self.start(&["run", "--since", &self.since])
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        let child = Command::new(env!("CARGO_BIN_EXE_her2-adapter"))
            .args(arguments)
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Running(child.unwrap())
    }
}

/// A process that is under way.
pub struct Running(Child);

impl Running {
    pub fn end(self) -> Ran {
        let Output {
            status,
            stdout,
            stderr,
        } = self.0.wait_with_output().unwrap();
        Ran {
            code: status.code(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// Ends it with SIGKILL, unless it has ended; whether it was under way.
    pub fn kill(mut self) -> bool {
        let under_way = self.0.try_wait().unwrap().is_none();
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        under_way
    }
}

impl Ran {
    /// The columns of the ledger by name, with `seen`; they add up, or this fails.
    pub fn ledger(&self) -> BTreeMap<String, u64> {
        let line = self.stdout.lines().last().unwrap_or("");
        let (seen, columns) = line.split_once(" seen = ").unwrap_or_else(|| {
            panic!("no ledger in {:?}; {}", self.stdout, self.stderr);
        });
        let mut ledger = BTreeMap::new();
        for column in columns.split(" + ") {
            let (count, name) = column.split_once(' ').unwrap();
            ledger.insert(name.to_owned(), count.parse().unwrap());
        }
        let seen: u64 = seen.parse().unwrap();
        assert_eq!(ledger.values().sum::<u64>(), seen, "{line}");
        ledger.insert("seen".to_owned(), seen);
        ledger
    }

    /// Asserts what stands in some columns of the ledger; those not named hold nothing.
    pub fn came_to(&self, columns: &[(&str, u64)]) {
        let mut expected: BTreeMap<String, u64> = columns
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect();
        expected.insert(
            "seen".to_owned(),
            columns.iter().map(|(_, count)| count).sum(),
        );
        let mut found = self.ledger();
        found.retain(|_, count| *count > 0);
        expected.retain(|_, count| *count > 0);
        assert_eq!(found, expected, "{}{}", self.stdout, self.stderr);
    }
}
