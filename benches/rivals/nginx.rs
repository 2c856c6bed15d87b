//! nginx and curl: what a person with a server would use. Nothing is verified.
//!
//! nginx runs as one process with what Debian's configuration sets (`sendfile`, `tcp_nopush`).

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use color_eyre::eyre::{OptionExt, Result, ensure};

use crate::{
    contender::{Contender, Task},
    files,
    measure::{Measured, Meter, Side},
    process::Process,
    tools,
};

/// The suite that machines with AES instructions are fastest with.
const SUITE: &str = "TLS_AES_128_GCM_SHA256";

/// Without these nginx writes where only root may.
const SCRATCH: [&str; 5] = [
    "client_body_temp_path",
    "proxy_temp_path",
    "fastcgi_temp_path",
    "uwsgi_temp_path",
    "scgi_temp_path",
];

/// nginx serves, curl fetches.
#[derive(Debug)]
pub(crate) struct Nginx {
    encrypted: bool,
    server: Option<Process>,
    port: u16,
}

impl Nginx {
    /// Over plain HTTP.
    pub(crate) fn plain() -> Self {
        Self { encrypted: false, server: None, port: 0 }
    }

    /// Over TLS 1.3 with AES-128-GCM.
    pub(crate) fn encrypted() -> Self {
        Self { encrypted: true, server: None, port: 0 }
    }

    fn configuration(&self, task: &Task) -> Result<String> {
        let root = task.source.parent().ok_or_eyre("the source is in no folder")?;
        let scratch: Vec<_> = SCRATCH.iter().map(|name| format!("  {name} {name};\n")).collect();
        let (kind, tls) = if self.encrypted {
            let tls = format!(
                "    ssl_certificate certificate.pem;\n    ssl_certificate_key key.pem;\n    \
                 ssl_protocols TLSv1.3;\n    ssl_conf_command Ciphersuites {SUITE};\n"
            );
            (" ssl", tls)
        } else {
            ("", String::new())
        };
        Ok(format!(
            "user root;\ndaemon off;\nmaster_process off;\npid nginx.pid;\nevents {{}}\nhttp {{\n  \
             access_log off;\n  sendfile on;\n  tcp_nopush on;\n{}  server {{\n    \
             listen 127.0.0.1:{}{kind};\n    root \"{}\";\n{tls}  }}\n}}\n",
            scratch.concat(),
            self.port,
            root.display(),
        ))
    }

    fn curl(&self, task: &Task) -> Result<Command> {
        let name = task.source.file_name().ok_or_eyre("the source has no name")?;
        let mut curl = tools::command(&tools::find("curl", "debian")?, &task.home);
        curl.args(["-q", "--silent", "--show-error", "--fail", "--noproxy", "*"]);
        let kind = if self.encrypted {
            curl.args(["--cacert", "certificate.pem", "--tlsv1.3", "--tls13-ciphers", SUITE]);
            "https"
        } else {
            "http"
        };
        curl.arg(format!("{kind}://127.0.0.1:{}/{}", self.port, name.to_string_lossy()));
        Ok(curl)
    }

    fn server(&self) -> Result<&Process> {
        self.server.as_ref().ok_or_eyre("nginx does not run")
    }
}

impl Contender for Nginx {
    fn name(&self) -> &'static str {
        if self.encrypted { "nginx + curl, HTTPS" } else { "nginx + curl, HTTP" }
    }

    fn version(&self) -> Result<String> {
        if self.encrypted {
            tools::find("openssl", "debian")?;
        }
        let nginx = tools::version(&tools::find("nginx", "debian")?, "-v")?;
        let curl = tools::version(&tools::find("curl", "debian")?, "--version")?;
        Ok(format!("{nginx}, {curl}"))
    }

    fn prepare(&mut self, task: &Task) -> Result<Measured> {
        self.port = tools::free_port()?;
        if self.encrypted {
            certify(&task.home)?;
        }
        let configuration = task.home.join("nginx.conf");
        files::write(&configuration, &self.configuration(task)?)?;
        let meter = Meter::start(&[], &[])?;
        let mut nginx = tools::command(&tools::find("nginx", "debian")?, &task.home);
        nginx.arg("-p").arg(&task.home).arg("-c").arg(&configuration).args(["-e", "stderr"]);
        let server = self.server.insert(Process::start(&mut nginx)?);
        meter.add(Side::Sending, server.pid());
        server.until_open(self.port)?;
        meter.stop()
    }

    fn run(&mut self, task: &Task, into: &Path) -> Result<Measured> {
        let name = task.source.file_name().ok_or_eyre("the source has no name")?;
        let meter = Meter::start(&[self.server()?.pid()], &[])?;
        let mut curl = Process::start(self.curl(task)?.arg("-o").arg(into.join(name)))?;
        meter.add(Side::Receiving, curl.pid());
        curl.wait_for_end()?;
        let measured = meter.stop()?;
        curl.succeed()?;
        Ok(measured)
    }

    fn first_byte(&mut self, task: &Task) -> Result<Measured> {
        let meter = Meter::start(&[self.server()?.pid()], &[])?;
        let (curl, mut stdout) = Process::start_for_bytes(&mut self.curl(task)?)?;
        meter.add(Side::Receiving, curl.pid());
        stdout.read_exact(&mut [0])?;
        meter.stop()
    }

    fn clean_up(&mut self) {
        self.server = None;
    }
}

/// A certificate that signs itself, for the address.
fn certify(home: &Path) -> Result<()> {
    let openssl: PathBuf = tools::find("openssl", "debian")?;
    let mut openssl = tools::command(&openssl, home);
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    openssl.args(["-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl.args(["-keyout", "key.pem", "-out", "certificate.pem"]);
    Process::start(&mut openssl)?.output()?;
    ensure!(home.join("certificate.pem").exists(), "openssl wrote no certificate");
    Ok(())
}
