//! Karpenter's own command, unmodified, from the Go module in tests/sandbox/karpenter.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::VERSION;
use crate::tools::{go_is_new_enough, hash, kept, run, say, sources};

const MODULE: &str = "github.com/aws/karpenter-provider-aws";

#[derive(Clone, Debug)]
pub struct KarpenterTools {
    pub controller: PathBuf,
    /// A folder with its CRDs.
    pub crds: PathBuf,
}

/// Built once and cached.
pub fn tools() -> Result<KarpenterTools> {
    let module = sources().join("karpenter");
    let key = hash(["go.mod", "go.sum"].map(|file| module.join(file)).to_vec())?;
    let folder = kept("karpenter", &key, |folder| {
        go_is_new_enough(&module)?;
        let flags = format!("-s -w -X sigs.k8s.io/karpenter/pkg/operator.Version={VERSION}");
        let mut build = Command::new("go");
        build.current_dir(&module).env("CGO_ENABLED", "0").args(["build", "-ldflags", &flags]);
        build.arg("-o").arg(folder.join("controller")).arg(format!("{MODULE}/cmd/controller"));
        say("building Karpenter: about 5 minutes on 2 processors (once)");
        run(build, "building Karpenter", folder)?;
        let list = Command::new("go")
            .current_dir(&module)
            .args(["list", "-m", "-f", "{{.Dir}}", MODULE])
            .output()?;
        let module = PathBuf::from(String::from_utf8(list.stdout)?.trim());
        let (from, to) = (module.join("pkg/apis/crds"), folder.join("crds"));
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from).with_context(|| format!("reading {}", from.display()))? {
            let file = entry?;
            // The Go module cache is read-only.
            fs::write(to.join(file.file_name()), fs::read(file.path())?)?;
        }
        Ok(())
    })?;
    Ok(KarpenterTools { controller: folder.join("controller"), crds: folder.join("crds") })
}
