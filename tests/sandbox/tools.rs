//! The programs that a sandbox runs: found on the machine, or built once and cached in the user's cache folder. Each
//! name there has a hash of the sources.

use std::env;
use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::karpenter::build::{self as karpenter, KarpenterTools};
use super::process::tail;
use super::shape::Shape;

const CONTROL_PLANE: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
/// pip needs minutes to resolve moto's dependencies, uv seconds.
const UV: &str = "uv==0.13.9";

/// A missing program that must be installed first. Its message says how.
#[derive(Debug)]
pub struct Missing(String);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    /// Exits by itself when its stdin is closed, because it is built from the sandbox's sources.
    pub watches_stdin: bool,
}

#[derive(Clone, Debug)]
pub struct Tools {
    pub etcd: Program,
    pub kube_apiserver: Program,
    pub kube_controller_manager: Program,
    pub kube_scheduler: Program,
    pub kubectl: PathBuf,
    pub kwok: Program,
    pub node_agent: Program,
    /// Python with moto and cfn-lint (`-m cfnlint`).
    pub python: PathBuf,
    /// Only for shapes with Karpenter.
    pub karpenter: Option<KarpenterTools>,
}

/// The folder tests/sandbox of this repository.
pub fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The root of this repository.
pub fn repository() -> &'static Path {
    sources().ancestors().nth(2).expect("the sandbox is in tests/sandbox")
}

/// $ENI_CUSTOM_SANDBOX_CACHE, otherwise the user's cache folder of the system.
pub(crate) fn cache() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = match (set("ENI_CUSTOM_SANDBOX_CACHE"), set("XDG_CACHE_HOME")) {
        (Some(folder), _) => folder,
        (None, Some(caches)) => caches.join("eni-custom-sandbox"),
        (None, None) => {
            let home = set("HOME").context("HOME is not set: set ENI_CUSTOM_SANDBOX_CACHE")?;
            let caches = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
            home.join(caches).join("eni-custom-sandbox")
        }
    };
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

/// Everything that a sandbox needs. Go builds and Python installs run in parallel: one uses the processors, the other
/// the network.
pub fn find_or_build() -> Result<Tools> {
    let requirements = sources().join("aws/requirements.txt");
    let go = Go { module: sources().join("controlplane") };
    // Report all missing programs at once, before minutes of building.
    let python_lacks =
        if is_kept("venv-aws", &hash(vec![requirements.clone()])?)? { None } else { python().err() };
    let go_lacks = if is_kept("kwok", &go.key("kwok")?)? { None } else { go.check().err() };
    let lacks: Vec<String> =
        [python_lacks, go_lacks].into_iter().flatten().map(|error| error.to_string()).collect();
    if !lacks.is_empty() {
        bail!(Missing(lacks.join("\n")));
    }
    thread::scope(|scope| {
        let python = scope.spawn(|| venv("aws", &requirements));
        let given = Assets::from_env();
        let mut built = None;
        let mut control_plane = |name: &str| -> Result<Program> {
            if let Some(path) = given.as_ref().and_then(|given| given.get(name)) {
                return Ok(Program { path, watches_stdin: false });
            }
            let folder = match &built {
                Some(folder) => folder,
                None => built.insert(go.control_plane()?),
            };
            Ok(Program { path: folder.join(name), watches_stdin: true })
        };
        let tools = Tools {
            etcd: control_plane("etcd")?,
            kube_apiserver: control_plane("kube-apiserver")?,
            kube_controller_manager: control_plane("kube-controller-manager")?,
            kube_scheduler: control_plane("kube-scheduler")?,
            kubectl: match given.as_ref().and_then(|given| given.get("kubectl")) {
                Some(path) => path,
                None => go.command("kubectl", "kubectl")?,
            },
            kwok: Program {
                path: go.command("kwok", "kwok, which simulates kubelets: about 1 minute")?,
                watches_stdin: true,
            },
            node_agent: Program { path: go.command("node-agent", "the node agent")?, watches_stdin: true },
            python: PathBuf::new(),
            karpenter: None,
        };
        let python = python.join().expect("installing does not panic")?.join("bin/python");
        Ok(Tools { python, ..tools })
    })
}

/// The same with what this shape needs in addition.
pub fn for_shape(shape: &Shape) -> Result<Tools> {
    let tools = find_or_build()?;
    Ok(Tools { karpenter: if shape.karpenter.is_some() { Some(karpenter::tools()?) } else { None }, ..tools })
}

/// The AWS CLI. It pins its own botocore, so it has its own venv.
pub fn aws_cli() -> Result<PathBuf> {
    Ok(venv("awscli", &sources().join("aws/awscli-requirements.txt"))?.join("bin/aws"))
}

/// KUBEBUILDER_ASSETS, a folder with programs of the control plane.
struct Assets {
    folder: PathBuf,
}

impl Assets {
    fn from_env() -> Option<Self> {
        let folder = PathBuf::from(env::var_os("KUBEBUILDER_ASSETS").filter(|folder| !folder.is_empty())?);
        Some(Self { folder })
    }

    /// Programs that KUBEBUILDER_ASSETS lacks are built. It usually lacks the controllers, which must not be newer than
    /// the API server (Kubernetes's version skew policy), so its API server is used only together with them.
    fn get(&self, name: &str) -> Option<PathBuf> {
        let there = |name: &str| Some(self.folder.join(name)).filter(|path| path.is_file());
        let whole = || CONTROL_PLANE.iter().all(|name| there(name).is_some());
        if matches!(name, "etcd" | "kubectl") || whole() { there(name) } else { None }
    }
}

/// Commands of the Go module in tests/sandbox/controlplane.
struct Go {
    module: PathBuf,
}

impl Go {
    /// A folder with etcd, kube-apiserver and so on: links to one binary that acts by the name it is called with.
    fn control_plane(&self) -> Result<PathBuf> {
        let binary =
            self.command("control-plane", "the Kubernetes control plane: about 6 minutes on 2 processors")?;
        Ok(binary.parent().context("a binary is in a folder")?.to_path_buf())
    }

    fn command(&self, name: &str, what: &str) -> Result<PathBuf> {
        let key = self.key(name)?;
        let folder = kept(name, &key, |folder| {
            let kubernetes = self.check()?;
            let mut build = Command::new("go");
            build.current_dir(&self.module).env("CGO_ENABLED", "0");
            build.args(["build", "-ldflags", &version_flags(&kubernetes)?]);
            build.arg("-o").arg(folder.join(name)).arg(format!("./cmd/{name}"));
            say(&format!("building {what} (once)"));
            run(build, &format!("building {name}"), folder)?;
            if name == "control-plane" {
                for link in CONTROL_PLANE {
                    symlink(name, folder.join(link))?;
                }
            }
            Ok(())
        })?;
        Ok(folder.join(name))
    }

    /// A hash of the module's versions and of the command's sources, so that an edit of the node agent does not rebuild
    /// the control plane.
    fn key(&self, name: &str) -> Result<String> {
        let mut files = Vec::new();
        go_sources(&self.module, &mut files)?;
        let commands = self.module.join("cmd");
        let own = commands.join(name);
        // Only the node agent uses packages outside its own folder.
        files.retain(|file| file.starts_with(&own) || (name == "node-agent" && !file.starts_with(&commands)));
        files.extend(["go.mod", "go.sum"].map(|file| self.module.join(file)));
        hash(files)
    }

    /// Checks that Go is installed and new enough. Returns the version of Kubernetes in go.mod.
    fn check(&self) -> Result<String> {
        go_is_new_enough(&self.module)?;
        let module = fs::read_to_string(self.module.join("go.mod"))?;
        let line = module.lines().map(str::trim).find(|line| line.starts_with("k8s.io/kubernetes v"));
        let kubernetes =
            line.and_then(|line| line.split(' ').nth(1)).context("go.mod names no k8s.io/kubernetes")?;
        Ok(kubernetes.to_string())
    }
}

pub(crate) fn go_is_new_enough(module: &Path) -> Result<()> {
    let found = Command::new("go").current_dir(module).args(["env", "GOVERSION"]).output();
    let version = match &found {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_string(),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_string(),
        Err(_) => "none".to_string(),
    };
    let minor = version.strip_prefix("go1.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    if minor.is_none_or(|minor| minor < 26) {
        bail!(Missing(format!(
            "the sandbox needs Go 1.26 or later (found: {version})\n  \
             Debian, Ubuntu: sudo apt-get install golang-go    (older than 1.26? see https://go.dev/dl)\n  \
             macOS:          brew install go"
        )));
    }
    Ok(())
}

/// The linker flags that Kubernetes's release build sets. Without them the API server reports v0.0.0-master.
fn version_flags(version: &str) -> Result<String> {
    let mut parts = version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().context("a major version")?, parts.next().context("a minor version")?);
    let mut flags = "-s -w".to_string();
    for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
        for (name, value) in [
            ("gitVersion", version),
            ("gitMajor", major),
            ("gitMinor", minor),
            ("gitTreeState", "clean"),
            ("gitCommit", "0000000000000000000000000000000000000000"),
        ] {
            flags.push_str(&format!(" -X {package}.{name}={value}"));
        }
    }
    Ok(flags)
}

fn go_sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            go_sources(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "go")
            && !path.to_string_lossy().ends_with("_test.go")
        {
            files.push(path);
        }
    }
    Ok(())
}

pub(crate) fn hash(mut files: Vec<PathBuf>) -> Result<String> {
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update(fs::read(&file).with_context(|| format!("reading {}", file.display()))?);
    }
    Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// A venv with the packages of a requirements file.
fn venv(name: &str, requirements: &Path) -> Result<PathBuf> {
    let key = hash(vec![requirements.to_path_buf()])?;
    let folder = cache()?.join(format!("venv-{name}-{key}"));
    // Its Python is a link to the system's, which may have been replaced.
    if !folder.join("bin/python").exists() {
        let _ = fs::remove_file(folder.join("done"));
    }
    kept(&format!("venv-{name}"), &key, |folder| {
        say(&format!("installing {} (once)", if name == "awscli" { "the AWS CLI" } else { "moto" }));
        let mut create = Command::new(python()?);
        create.args(["-m", "venv"]).arg(folder);
        run(create, "python3 -m venv", folder)?;
        let mut uv = Command::new(folder.join("bin/python"));
        uv.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV]);
        run(uv, "pip install uv", folder)?;
        let mut install = Command::new(folder.join("bin/uv"));
        // Compile now: otherwise moto's first import takes seconds in the first sandbox.
        install.args(["pip", "install", "--quiet", "--compile-bytecode", "--python"]);
        install.arg(folder.join("bin/python")).arg("-r").arg(requirements);
        run(install, "uv pip install", folder)
    })
}

/// A Python that is new enough and has venv (a separate package on Debian).
fn python() -> Result<&'static str> {
    let check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    let good = |name: &&str| {
        let run = Command::new(name).args(["-c", check]).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    };
    let names = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];
    names.into_iter().find(good).ok_or_else(|| {
        let message = "the sandbox needs Python 3.10 or later with venv\n  \
                       Debian, Ubuntu: sudo apt-get install python3 python3-venv\n  \
                       macOS:          brew install python";
        Missing(message.to_string()).into()
    })
}

fn is_kept(name: &str, key: &str) -> Result<bool> {
    Ok(cache()?.join(format!("{name}-{key}/done")).exists())
}

/// The folder `NAME-KEY` of the cache, created by `make` if it is missing. Only one process creates it, even if several
/// need it.
pub(crate) fn kept(name: &str, key: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = cache()?;
    let folder = cache.join(format!("{name}-{key}"));
    // The stamp is written last. A venv can't be created elsewhere and moved: its scripts contain the interpreter's
    // full path.
    let done = folder.join("done");
    if !done.exists() {
        let lock = File::create(cache.join(format!("{name}.lock")))?;
        if lock.try_lock().is_err() {
            say(&format!("waiting for another process that is building {name}"));
            lock.lock()?;
        }
        if !done.exists() {
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            fs::create_dir_all(&folder)?;
            make(&folder)?;
            // While the lock is held: the next process would find no stamp, and delete what was just built.
            File::create(&done)?;
            sweep(&cache, name, &folder);
        }
    }
    // Every use touches the stamp; `sweep` checks it.
    File::create(&done)?;
    Ok(folder)
}

/// Deletes earlier builds that have not been used for two weeks.
fn sweep(cache: &Path, name: &str, keep: &Path) {
    let old = SystemTime::now() - Duration::from_secs(14 * 24 * 3600);
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_build =
            entry.file_name().to_string_lossy().rsplit_once('-').is_some_and(|(start, _)| start == name);
        let used = path.join("done").metadata().and_then(|done| done.modified());
        if is_build && path != keep && used.is_ok_and(|used| used < old) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Runs a build with its output in a log, and prints a line now and then to show progress.
pub(crate) fn run(mut command: Command, what: &str, folder: &Path) -> Result<()> {
    let log = folder.join("build.log");
    let output = File::create(&log)?;
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("{what}: can't run {}", command.get_program().display()))?;
    let pause = Duration::from_secs(if std::io::stderr().is_terminal() { 15 } else { 60 });
    let mut next = pause;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > next {
            say(&format!("  {what}: {} s so far", start.elapsed().as_secs()));
            next += pause;
        }
        thread::sleep(Duration::from_millis(50));
    };
    if !status.success() {
        bail!("{what} failed ({status})\n{}", tail(&log));
    }
    Ok(())
}

/// Prints progress to stderr. Errors are ignored: the terminal may have been closed, which must not stop the sandbox.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "sandbox: {line}");
}
