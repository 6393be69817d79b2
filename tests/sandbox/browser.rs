//! A headless Chromium, to open pages as a person does. It is controlled by the DevTools protocol over a pipe, which
//! needs no WebSocket: messages are JSON, each ended by a zero byte.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long Chromium may take for an answer. A busy machine is slow to start it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running browser. It ends when it is dropped.
pub struct Browser {
    process: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    /// The last message's number.
    sent: u64,
    /// Events that no one has looked at yet.
    events: Vec<Value>,
    _profile: TempDir,
}

/// A page in a window of its own.
pub struct Page {
    session: String,
    address: String,
}

/// What a page is looked at with.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

impl Browser {
    /// The Chromium of this machine, if it has one: `ENI_CUSTOM_CHROMIUM`, or the first on the PATH.
    pub fn find() -> Option<PathBuf> {
        let given = env::var_os("ENI_CUSTOM_CHROMIUM").map(PathBuf::from);
        let folders = env::var_os("PATH").unwrap_or_default();
        let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
        let on_path = || {
            let folders: Vec<PathBuf> = env::split_paths(&folders).collect();
            names
                .iter()
                .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
                .find(|path| path.is_file())
        };
        given.or_else(on_path)
    }

    pub fn start(program: &Path) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        // The shell gives it its stdin and stdout as the descriptors 3 and 4, which Chromium uses for the pipe.
        let mut command = Command::new("bash");
        command.args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"#, "bash"]).arg(program);
        command.args(["--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"]);
        // Nothing that Chromium does of its own accord.
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.args(["--disable-quic", "--hide-scrollbars"]);
        if rustix::process::getuid().is_root() {
            command.arg("--no-sandbox");
        }
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("starting Chromium")?;
        let to = process.stdin.take().context("its stdin is a pipe")?;
        let mut answers = BufReader::new(process.stdout.take().context("its stdout is a pipe")?);
        let (sender, from) = channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while answers.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else { return };
                if sender.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        Ok(Browser { process, to, from, sent: 0, events: Vec::new(), _profile: profile })
    }

    /// Opens a file and waits until it is loaded.
    pub fn open(&mut self, file: &Path, screen: Screen) -> Result<Page> {
        let target = self.call(None, "Target.createTarget", json!({ "url": "about:blank" }))?;
        let attached = json!({ "targetId": target["targetId"], "flatten": true });
        let session =
            self.call(None, "Target.attachToTarget", attached)?["sessionId"].as_str().map(String::from);
        let session = session.context("a session")?;
        let address = format!("file://{}", file.canonicalize()?.display());
        let page = Page { session, address };
        let Screen { width, height, dark } = screen;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.on(&page, "Emulation.setDeviceMetricsOverride", metrics)?;
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.on(&page, "Emulation.setEmulatedMedia", media)?;
        for domain in ["Page", "Log", "Runtime", "Network"] {
            self.on(&page, &format!("{domain}.enable"), json!({}))?;
        }
        self.on(&page, "Page.navigate", json!({ "url": page.address }))?;
        while !self.events.iter().any(|event| is(event, &page, "Page.loadEventFired")) {
            let event = self.next()?;
            self.events.push(event);
        }
        Ok(page)
    }

    /// The value of a JavaScript expression in the page.
    pub fn value(&mut self, page: &Page, expression: &str) -> Result<Value> {
        let arguments = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.on(page, "Runtime.evaluate", arguments)?;
        match answer.get("exceptionDetails") {
            None => Ok(answer["result"]["value"].clone()),
            Some(exception) => bail!("{expression}: {exception}"),
        }
    }

    /// What a page should not do: messages on its console, exceptions, and requests for anything but its own file.
    pub fn troubles(&mut self, page: &Page) -> Vec<String> {
        self.events.extend(self.from.try_iter());
        let own = self.events.iter().filter(|event| event["sessionId"] == *page.session);
        own.filter_map(|event| {
            let of = &event["params"];
            match event["method"].as_str()? {
                "Log.entryAdded" => Some(format!("log: {}", of["entry"]["text"])),
                "Runtime.consoleAPICalled" => Some(format!("console: {}", of["args"])),
                "Runtime.exceptionThrown" => Some(format!("exception: {}", of["exceptionDetails"])),
                "Network.requestWillBeSent" => {
                    let url = of["request"]["url"].as_str()?;
                    (url != page.address && !url.starts_with("data:")).then(|| format!("request: {url}"))
                }
                _ => None,
            }
        })
        .collect()
    }

    /// A picture of the page's upper part as PNG, in base64.
    pub fn picture(&mut self, page: &Page, screen: Screen, scale: f64) -> Result<String> {
        let clip = json!({ "x": 0, "y": 0, "width": screen.width, "height": screen.height, "scale": scale });
        let arguments = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let answer = self.on(page, "Page.captureScreenshot", arguments)?;
        Ok(answer["data"].as_str().context("a picture")?.to_string())
    }

    fn on(&mut self, page: &Page, method: &str, arguments: Value) -> Result<Value> {
        self.call(Some(&page.session), method, arguments)
    }

    fn call(&mut self, session: Option<&str>, method: &str, arguments: Value) -> Result<Value> {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": arguments });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).context("Chromium has ended")?;
        self.to.flush()?;
        loop {
            let answer = self.next()?;
            if answer["id"] != self.sent {
                self.events.push(answer);
                continue;
            }
            match answer.get("error") {
                None => return Ok(answer["result"].clone()),
                Some(error) => bail!("{method}: {error}"),
            }
        }
    }

    fn next(&mut self) -> Result<Value> {
        self.from.recv_timeout(TIMEOUT).context("Chromium does not answer")
    }
}

fn is(event: &Value, page: &Page, method: &str) -> bool {
    event["sessionId"] == *page.session && event["method"] == method
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
