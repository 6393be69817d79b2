//! Runs the script of a probe's pod in real shells.

use std::net::{TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::answer::{Asked, ZoneAnswer, checks};
use super::pod::{ASK, Role, Run, pod};

/// The exit code and the termination message of the script in a shell.
fn played(shell: &[&str], tools: &str, env: &[(&str, String)]) -> (i32, String) {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let script = ASK.replace("/dev/termination-log", &log.to_string_lossy());
    let ended = Command::new(shell[0])
        .args(&shell[1..])
        .args(["-c", &format!("sleep() {{ :; }}\n{tools}\n{script}")])
        .envs(env.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let message = std::fs::read_to_string(&log).unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(&ended.stdout).is_empty(), ended.status.code() == Some(127));
    (ended.status.code().unwrap(), message)
}

/// The checks that result, as `id severity`.
fn judged(code: i32, message: String, others: &[&str]) -> Vec<String> {
    let zone = ZoneAnswer {
        zone: "a".into(),
        node: "node-a".into(),
        others: others.iter().map(ToString::to_string).collect(),
        asked: Asked::Ended { code, message },
    };
    checks(&[zone])
        .iter()
        .map(|check| format!("{} {:?}", &check.id.as_str()[7..], check.severity()))
        .collect()
}

#[test]
fn the_script_runs_in_sh() {
    let env = [
        ("OTHERS", "b=100.64.0.9 c=100.64.0.10".to_string()),
        ("PORT", "8080".into()),
        ("KUBERNETES_SERVICE_HOST", "10.0.0.1".into()),
        ("KUBERNETES_SERVICE_PORT", "443".into()),
    ];
    // Fake tools: DNS fails, the API server and one of two pods answer.
    let tools = "nslookup() { false; }; nc() { case $4 in 10.0.0.1|100.64.0.9) ;; *) false;; esac; };";
    let (code, message) = played(&["sh"], tools, &env);
    assert_eq!((code, message.as_str()), (1, "dns failed\napi ok\npod b ok\npod c failed\n"));
    // An nc without `-z` is called without it.
    let plain =
        "nslookup() { true; }; nc() { case $1 in -z) echo \"nc: invalid option -- 'z'\"; false;; esac; };";
    let (code, message) = played(&["sh"], plain, &env);
    assert_eq!((code, message.as_str()), (0, "dns ok\napi ok\npod b ok\npod c ok\n"));
    // An image without nc gives no result.
    let (code, message) = played(&["sh"], "PATH=/nowhere", &env);
    assert_eq!((code, message.as_str()), (127, "the image has no nc\n"));
    assert_eq!(judged(code, message, &["b"])[0], "050 Error");
}

/// A name server that resolves every name, or none.
fn name_server(knows: bool) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((size, from)) = socket.recv_from(&mut query) {
            let is_a = query[size - 4..size] == [0, 1, 0, 1];
            let (code, answers) = if knows { (0x80, u8::from(is_a)) } else { (0x83, 0) };
            let mut reply = vec![query[0], query[1], 0x81, code, 0, 1, 0, answers, 0, 0, 0, 0];
            reply.extend(&query[12..size]);
            if answers == 1 {
                reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 100, 0, 1]);
            }
            let _ = socket.send_to(&reply, from);
        }
    });
    port
}

/// A port that accepts connections like an API server, if it is `up`.
fn api_server(up: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    if up {
        thread::spawn(move || while listener.accept().is_ok() {});
    }
    port
}

struct Listening(Child);

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The command of the listening pods, on a free port.
fn listening() -> (Listening, u16) {
    let port = api_server(false);
    let run = Run { identity: String::new(), image: String::new(), seconds: 1 };
    let pod = pod(&run, Role::Listens, "b", "node-b", &[]);
    let script = pod["spec"]["containers"][0]["command"][2]
        .as_str()
        .unwrap()
        .replace("8080", &format!("127.0.0.1:{port}"));
    let child = Command::new("busybox").args(["sh", "-c", &script]).stdin(Stdio::null()).spawn().unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        thread::yield_now();
    }
    (Listening(child), port)
}

/// Uses busybox's tools and its httpd, as in the probe's image.
#[test]
fn the_script_reads_the_answers_of_busybox() {
    let has_busybox = Command::new("busybox").stdout(Stdio::null()).status().is_ok();
    if !has_busybox && std::env::var_os("CI").is_none() {
        eprintln!("skipped: busybox is not installed");
        return;
    }
    let (_pod, port) = listening();
    let shells: [&[&str]; 3] = [&["busybox", "sh"], &["sh"], &["bash"]];
    for shell in shells {
        for (dns, api, peer) in
            [(true, true, true), (false, true, true), (true, false, true), (true, true, false)]
        {
            let env = [
                ("OTHERS", format!("b={}", if peer { "127.0.0.1" } else { "127.0.0.2" })),
                ("PORT", port.to_string()),
                ("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_string()),
                ("KUBERNETES_SERVICE_PORT", api_server(api).to_string()),
            ];
            // Use the test's name server; the machine can't resolve Services.
            let tools = format!(
                "nslookup() {{ busybox nslookup \"$1\" 127.0.0.1:{}; }}\nnc() {{ case $* in *default.svc*) false;; *) busybox nc \"$@\";; esac; }}",
                name_server(dns)
            );
            let (code, message) = played(shell, &tools, &env);
            let word = |ok: bool| if ok { "ok" } else { "failed" };
            assert_eq!(
                message,
                format!("dns {}\napi {}\npod b {}\n", word(dns), word(api), word(peer)),
                "{shell:?}"
            );
            assert_eq!(code == 0, dns && api && peer);
            let status = |ok: bool| if ok { "Passed" } else { "Error" };
            assert_eq!(
                judged(code, message, &["b"]),
                [
                    "050 Passed".to_string(),
                    format!("051 {}", status(dns)),
                    format!("052 {}", status(api)),
                    format!("053 {}", status(peer)),
                ]
            );
        }
    }
}
