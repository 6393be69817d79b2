//! Python programs that start warm: importing moto, the AWS CLI or botocore takes a second of a processor, so one process
//! per program imports it, and forks for each run (`aws/warm.py`). It ends with this process, and deletes its folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::process::{self, tail};
use super::{Sandbox, directory, env, tools};

/// A process that has imported a program. It is never dropped: the end of this process closes its stdin.
struct Warm {
    process: Child,
    folder: PathBuf,
    /// Marks the folder as in use.
    _lock: File,
}

/// An executable file that runs moto and the sandbox's extension, while this process runs.
pub(crate) fn aws_side(python: &Path) -> Result<PathBuf> {
    static WARM: Mutex<Option<Warm>> = Mutex::new(None);
    started(&WARM, python, "sandbox_aws.__main__", "sandbox-aws")
}

/// An executable file `aws` that runs the AWS CLI like `tools::aws_cli`, while this process runs.
pub fn aws_cli() -> Result<PathBuf> {
    static WARM: Mutex<Option<Warm>> = Mutex::new(None);
    started(&WARM, &tools::aws_cli()?.with_file_name("python"), "warm_aws", "aws")
}

/// The output of one of the witness's Python scripts, which reads AWS's own APIs.
pub(crate) fn witness(sandbox: &Sandbox, script: &str) -> Result<String> {
    static WARM: Mutex<Option<Warm>> = Mutex::new(None);
    let python = started(&WARM, &sandbox.tools.python, "warm_witness", "python")?;
    let mut command = sandbox.command(python);
    command.envs(sandbox.env_for("witness")).arg(tools::sources().join(script));
    let output = command.output().with_context(|| format!("running {script}"))?;
    if !output.status.success() {
        bail!("{script}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Starts the process with the first call. Returns the file that asks it for a run.
fn started(warm: &Mutex<Option<Warm>>, python: &Path, module: &str, name: &str) -> Result<PathBuf> {
    let mut warm = warm.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(running) = warm.as_mut()
        && running.process.try_wait()?.is_none()
    {
        return Ok(running.folder.join(name));
    }
    let (folder, lock) = directory()?;
    let folder = folder.keep();
    let log = folder.join("log");
    let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
    let mut command = Command::new(python);
    env::clear(&mut command);
    let sources = tools::sources().join("aws");
    command.arg(sources.join("warm.py")).arg("serve").arg(&folder).args([module, name]);
    command.env("PYTHONPATH", sources);
    let process =
        process::start(command, output).with_context(|| format!("starting {}", python.display()))?;
    let running = warm.insert(Warm { process, folder: folder.clone(), _lock: lock });
    let start = Instant::now();
    while !folder.join("socket").exists() {
        if let Some(status) = running.process.try_wait()? {
            bail!("warm.py ended ({status})\n{}", tail(&log));
        }
        if start.elapsed() > Duration::from_secs(60) {
            bail!("warm.py does not answer\n{}", tail(&log));
        }
        sleep(Duration::from_millis(10));
    }
    Ok(folder.join(name))
}
