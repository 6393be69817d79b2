//! The cluster that `up` leaves running: a separate process that `down` stops. It holds a lock while it runs and
//! listens on a socket in its folder.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use sandbox::process::{INTERRUPTED, tail};
use sandbox::tools;
use sandbox::{Sandbox, Shape, env, program};

const PAUSE: Duration = Duration::from_millis(50);

fn sibling(file: &Path, end: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(end);
    file.with_file_name(name)
}

/// Whether a process serves the cluster of this environment file.
pub(crate) fn is_up(file: &Path) -> bool {
    File::open(sibling(file, ".lock")).is_ok_and(|lock| lock.try_lock_shared().is_err())
}

/// Starts `serve` with this process's options and waits until the cluster is in use.
pub(crate) fn detach(file: &Path) -> Result<()> {
    let folder = file.parent().context("the environment file is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let _ = fs::remove_file(file);
    let log = sibling(file, ".log");
    let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
    let mut serve = Command::new(std::env::current_exe()?)
        .arg("serve")
        .args(std::env::args_os().skip_while(|arg| arg != "up").skip(1))
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()?;
    while !file.exists() {
        if let Some(status) = serve.try_wait()? {
            bail!("the cluster did not start ({status})\n{}", tail(&log));
        }
        if INTERRUPTED.load(Ordering::Relaxed) {
            // Its children exit with it, and the next start deletes its folder.
            let _ = serve.kill();
            let _ = serve.wait();
            bail!("interrupted");
        }
        sleep(PAUSE);
    }
    Ok(())
}

pub(crate) fn serve(shape: &Shape, file: &Path) -> Result<ExitCode> {
    // Detach from the terminal, so that neither Ctrl-C nor closing it stops the cluster.
    rustix::process::setsid().context("leaving the terminal")?;
    let lock = File::create(sibling(file, ".lock"))?;
    if lock.try_lock().is_err() {
        bail!("a sandbox is already running: its environment is in {}; stop it with `down`", file.display());
    }
    let mut sandbox = Sandbox::start(shape)?;
    env::link(sandbox.dir(), "eni-custom", &program::path()?)?;
    env::link(sandbox.dir(), "aws", &tools::aws_cli()?)?;
    let socket = UnixListener::bind(sandbox.dir().join("control"))?;
    socket.set_nonblocking(true)?;
    env::write(file, &sandbox.env())?;

    let ended = loop {
        if let Ok((stream, _)) = socket.accept() {
            break Ok(Some(stream));
        }
        if INTERRUPTED.load(Ordering::Relaxed) {
            break Ok(None);
        }
        if let Err(error) = sandbox.check() {
            break Err(error);
        }
        sleep(PAUSE);
    };
    drop(sandbox);
    let _ = fs::remove_file(file);
    drop(lock);
    // `down` waits until this stream is closed, which happens last.
    drop(ended?);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn down(file: &Path) -> Result<()> {
    let dir = env::read(file).and_then(|variables| variables.get("SANDBOX_DIR").map(PathBuf::from));
    let Some(dir) = dir else {
        bail!("no sandbox is running ({})", file.display());
    };
    if is_up(file) {
        // Connecting to the socket asks it to stop.
        let mut stream = UnixStream::connect(dir.join("control")).context("asking the sandbox to stop")?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.read_to_end(&mut Vec::new()).context("waiting for the sandbox to stop")?;
    }
    // Left over if the sandbox was killed.
    let _ = fs::remove_dir_all(&dir);
    let _ = fs::remove_file(file);
    tools::say("stopped");
    Ok(())
}
