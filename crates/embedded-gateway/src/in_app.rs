//! What the app runs of this crate: the built-in gateway, and the bridge for the user's scripts.

use crate::{AgentBackend, Bridged, Config, EmbeddedGateway, Running, StartError, random_token};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};
use tokio::{runtime::Runtime, sync::Mutex};

/// The gateway and the bridge of one app; neither runs before it is asked for.
#[derive(Debug)]
pub struct InApp {
    data_dir: PathBuf,
    agent: AgentBackend,
    gateway: Mutex<Option<(Running, String)>>,
    bridge: Mutex<Option<Running>>,
    thread: Mutex<Option<Thread>>,
}

/// The thread that both run on, apart from the app's: their database may wait for the disk, or for another process that
/// holds it.
#[derive(Debug)]
struct Thread(Option<Runtime>);

impl Thread {
    fn start() -> std::io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("gateway").enable_all();
        Ok(Self(Some(builder.build()?)))
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for it is not allowed where the app may drop it.
            runtime.shutdown_background();
        }
    }
}

impl InApp {
    /// `agent` answers for the built-in gateway. Its sessions, and the API keys of the bridge, are in `data_dir`.
    #[must_use]
    pub fn new(data_dir: PathBuf, agent: AgentBackend) -> Self {
        Self {
            data_dir,
            agent,
            gateway: Mutex::default(),
            bridge: Mutex::default(),
            thread: Mutex::default(),
        }
    }

    async fn start(&self, config: Config) -> Result<Running, StartError> {
        let mut thread = self.thread.lock().await;
        if thread.is_none() {
            *thread = Some(Thread::start().map_err(StartError::Thread)?);
        }
        let runtime = thread.as_ref().and_then(|thread| thread.0.as_ref());
        let Some(runtime) = runtime else {
            return Err(StartError::Thread(std::io::ErrorKind::NotFound.into()));
        };
        let started = runtime.spawn(EmbeddedGateway::start(config)).await;
        started.map_err(|error| StartError::Thread(std::io::Error::other(error)))?
    }

    /// The built-in gateway's URL and a token that lives as long as the process; starts it at the first call.
    ///
    /// # Errors
    /// It cannot listen, or its database cannot be opened.
    pub async fn gateway(&self) -> Result<(String, String), StartError> {
        let mut gateway = self.gateway.lock().await;
        let (running, token) = match gateway.take() {
            Some(there) => there,
            None => {
                let token = random_token();
                let mut config = Config::new(&self.data_dir, Some(token.clone()));
                config.agent = self.agent.clone();
                (self.start(config).await?, token)
            }
        };
        let (running, token) = gateway.insert((running, token));
        Ok((running.url(), token.clone()))
    }

    /// Serves the HTTP APIs on that port of 127.0.0.1, each call carried out on that gateway, in the place of what was
    /// served before; `None` ends it. Answers where. Callers need an API key: its token is known to nobody.
    ///
    /// # Errors
    /// It cannot listen there, or the database with the keys cannot be opened; then nothing is served.
    pub async fn bridge(&self, to: Option<(u16, Bridged)>) -> Result<Option<String>, StartError> {
        let mut bridge = self.bridge.lock().await;
        if let Some(before) = bridge.take() {
            before.shutdown().await;
        }
        let Some((port, behind)) = to else {
            return Ok(None);
        };
        let mut config = Config::new(&self.data_dir, Some(random_token()));
        config.bind = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        config.bridge = Some(behind);
        let running = self.start(config).await?;
        let url = running.http_url();
        *bridge = Some(running);
        Ok(Some(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::time::Duration;

    /// The test's runtime has one thread, as if the app were busy for as long as it waits here.
    #[tokio::test]
    async fn it_answers_while_the_app_is_busy() {
        let dir = tempfile::tempdir().expect("dir");
        let app = InApp::new(dir.path().to_owned(), AgentBackend::default());
        let (url, _) = app.gateway().await.expect("started");
        let address = url.strip_prefix("ws://").expect("an address");
        let mut stream = std::net::TcpStream::connect(address).expect("connect");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a limit");
        stream
            .write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            .expect("ask");
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        // Both end, also where nothing may wait.
        let again = app.gateway().await.expect("the same");
        assert_eq!(again.0, url);
        drop(app);
    }
}
