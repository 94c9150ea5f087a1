"""Set up the project on a machine that has only Python 3.11: uv into `.uv`, the locked dependencies into `.venv`.

uv comes through pip where this Python can make a virtual environment with pip in it; a bare Debian cannot
(`python3-venv` is a package of its own), and there the pinned wheel is fetched and checked by its hash.
"""

import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import urllib.error
import urllib.request
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV_VERSION = "0.13.8"
UV_HOME = ROOT / ".uv"
INDEX = "https://pypi.org/pypi/uv/{version}/json"


def uv_is_there(uv: Path) -> bool:
    """Whether the pinned uv stands at this path and runs."""
    if not uv.exists():
        return False
    said = subprocess.run([str(uv), "--version"], capture_output=True, text=True, check=False)
    return said.returncode == 0 and UV_VERSION in said.stdout


def uv_by_pip(uv: Path) -> bool:
    """Install uv with pip into an environment of its own; False where this Python has no pip to give."""
    try:
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=os.name != "nt").create(UV_HOME)
    except (subprocess.CalledProcessError, OSError, ModuleNotFoundError):
        return False
    python = uv.parent / ("python.exe" if os.name == "nt" else "python")
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        f"uv=={UV_VERSION}",
    ]
    return subprocess.run(command, check=False).returncode == 0 and uv_is_there(uv)


def uv_by_wheel(uv: Path) -> bool:
    """Fetch the wheel for this machine, check it against the hash the index states, unpack the program."""
    machine = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}.get(
        platform.machine().lower()
    )
    if machine is None or not sys.platform.startswith("linux"):
        return False
    with urllib.request.urlopen(INDEX.format(version=UV_VERSION), timeout=60) as reply:
        files = json.load(reply)["urls"]
    wheel = next(f for f in files if machine in f["filename"] and "manylinux_2_17" in f["filename"])
    with urllib.request.urlopen(wheel["url"], timeout=180) as reply:
        content = reply.read()
    if hashlib.sha256(content).hexdigest() != wheel["digests"]["sha256"]:
        raise SystemExit(f"setup: {wheel['filename']} does not match its hash; try again, or check your network")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        program = next(name for name in archive.namelist() if name.endswith("/scripts/uv"))
        uv.parent.mkdir(parents=True, exist_ok=True)
        uv.write_bytes(archive.read(program))
    uv.chmod(0o755)
    return uv_is_there(uv)


def main() -> int:
    """Bring `.uv` and `.venv` to what the lock file says. Quick when nothing is to be done."""
    uv = UV_HOME / ("Scripts/uv.exe" if os.name == "nt" else "bin/uv")
    if not uv_is_there(uv):
        print(f"setup: installing uv {UV_VERSION} into .uv", file=sys.stderr)
        try:
            found = uv_by_pip(uv) or uv_by_wheel(uv)
        except (urllib.error.URLError, TimeoutError) as error:
            print(f"setup: uv could not be fetched ({error}); check the network and run again", file=sys.stderr)
            return 1
        if not found:
            print(f"setup: uv {UV_VERSION} could not be installed; install it yourself as {uv}", file=sys.stderr)
            return 1
    command = [str(uv), "sync", "--locked", "--quiet", "--python", sys.executable]
    environment = {
        **os.environ,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PROJECT_ENVIRONMENT": str(ROOT / ".venv"),
    }
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
