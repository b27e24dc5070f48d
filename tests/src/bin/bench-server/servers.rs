//! The measured servers, each as its own process.

use anyhow::{Context, Result, ensure};
use clawtray_lab::{GatewayConfig, RealGateway, Running, Scratch, ScriptedModel};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const TOKEN: &str = "bench-token-0123456789";
/// Clock ticks per second in `/proc/PID/stat`; fixed at 100 on Linux.
const TICKS: f64 = 100.0;

/// What a process has used so far.
pub(crate) struct Cost {
    pub(crate) cpu_s: f64,
    pub(crate) peak_mib: f64,
}

/// Where a server is and how it is asked.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) base: String,
    pub(crate) token: String,
    pub(crate) client: reqwest::Client,
}

/// A server on loopback.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) at: Handle,
    pid: u32,
    /// Ends with this.
    _process: Process,
}

#[expect(dead_code, reason = "held until it is dropped")]
enum Process {
    Ours(Running, Scratch),
    Peer(Box<RealGateway>),
}

impl Server {
    /// `clawctl serve`, from the same folder as this program.
    pub(crate) fn ours(model: &ScriptedModel) -> Result<Self> {
        let program =
            std::env::current_exe()?.with_file_name(format!("clawctl{}", std::env::consts::EXE_SUFFIX));
        ensure!(
            program.is_file(),
            "there is no clawctl beside this program; run it with cargo xtask bench server"
        );
        let place = Scratch::new("bench-server")?;
        let mut command = Command::new(program);
        command
            .args(["serve", "--port", "0"])
            .current_dir(place.path())
            .env_clear()
            .env("HOME", place.path())
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
            .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
            .env("CLAWTRAY_MODEL_URL", model.base_url())
            .env("CLAWTRAY_MODEL_NAME", "fake-1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Running::start("clawctl serve", &mut command)?;
        let output = process.child().stdout.take().context("its output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line).context("what clawctl serve said")?;
        let base = said.get("httpUrl").and_then(Value::as_str);
        Ok(Self {
            name: "clawctl serve".to_owned(),
            at: Handle {
                base: base.context("clawctl serve named no address")?.to_owned(),
                token: TOKEN.to_owned(),
                client: client()?,
            },
            pid: process.id(),
            _process: Process::Ours(process, place),
        })
    }

    /// The real gateway with its completions switched on, and with room for all streams at once.
    pub(crate) fn peer(model: &ScriptedModel) -> Result<Self> {
        let mut config = GatewayConfig::with_model(model.base_url());
        config.extra = json!({
            "gateway": {"http": {"endpoints": {"chatCompletions": {"enabled": true}}}},
            "agents": {"defaults": {"maxConcurrent": crate::STREAMS + 56}},
        });
        let gateway = RealGateway::start(config)?;
        Ok(Self {
            name: format!("openclaw {}", clawtray_lab::real_gateway::openclaw_version()?),
            at: Handle {
                base: format!("http://127.0.0.1:{}", gateway.port()),
                token: gateway.token().to_owned(),
                client: client()?,
            },
            pid: gateway.id().context("the real gateway does not run")?,
            _process: Process::Peer(Box::new(gateway)),
        })
    }

    /// Processor time so far, and the most memory since [`forget_peak`](Self::forget_peak).
    pub(crate) fn cost(&self) -> Result<Cost> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name in parentheses may hold spaces. User and system time are fields 14 and 15.
        let rest = stat.rsplit_once(')').context("an odd /proc/PID/stat")?.1;
        let fields = rest.split_ascii_whitespace().skip(11).take(2);
        let ticks: f64 = fields.filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(Cost {
            cpu_s: ticks / TICKS,
            peak_mib: self.memory("VmHWM:")?,
        })
    }

    /// Memory in use now.
    pub(crate) fn memory_mib(&self) -> Result<f64> {
        self.memory("VmRSS:")
    }

    /// Counts peak memory from here on.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid), "5").context("peak memory cannot be reset")
    }

    fn memory(&self, field: &str) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.split_ascii_whitespace().next());
        let kib: f64 = kib.context("an odd /proc/PID/status")?.parse()?;
        Ok(kib / 1024.0)
    }
}

fn client() -> Result<reqwest::Client> {
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true);
    Ok(client.pool_max_idle_per_host(crate::load::CONNECTIONS).build()?)
}
