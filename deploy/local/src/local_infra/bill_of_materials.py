"""``python -m local_infra.bill_of_materials``: what we ship and what we make it with, in CycloneDX.

One bill for each image: what it adds to its base, that is deploy/service.lock and our packages; and
one for the workspace. Names, versions, licences and who needs whom are read from the workspace's
environment, where the same pinned packages are installed; their hashes stand in the locks.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local_infra.errors import CannotStart

ROOT = Path(__file__).resolve().parents[4]
FOLDER = ROOT / "dist" / "sbom"
LOCK = ROOT / "deploy" / "service.lock"
SHARED = ("ltc-contracts", "ltc-chassis")
SHIPPED = {
    **{f"{name}-svc": f"ltc-{name}-svc" for name in
       ("lead", "deal", "quote", "contract", "order", "billing")},
    "console": "ltc-console",
    "hub": "ltc-hub",
    "chassis": "ltc-chassis",
}  # fmt: skip
"""Our images by name, and which package of ours each is for."""
TAKEN_OUT = frozenset({"hatchling", "editables", "setuptools", "pip"})
"""deploy/service.Dockerfile builds with them and does not ship them."""

Bill = dict[str, Any]


def locked(lock: Path) -> dict[str, str]:
    """What a lock installs on this kind of machine: names and versions."""
    lines = (line.rstrip(" \\") for line in lock.read_text(encoding="utf-8").splitlines())
    wanted = (Requirement(line) for line in lines if "==" in line and line[0] not in " #")
    return {
        canonicalize_name(need.name): str(need.specifier).removeprefix("==")
        for need in wanted
        if need.marker is None or need.marker.evaluate()
    }


def workspace() -> Bill:
    """Everything that is installed in this environment."""
    made = subprocess.run(
        [
            sys.executable, "-m", "cyclonedx_py", "environment", "--no-validate",
            "--output-reproducible", sys.executable,
        ],
        capture_output=True,
        check=True,
    )  # fmt: skip
    bill: Bill = json.loads(made.stdout)
    for component in bill["components"]:
        if component["name"].startswith("ltc-"):
            del component["externalReferences"]  # the folder on this machine
    return bill


def image(name: str, everything: Bill) -> Bill:
    """What one image adds to its base. Raises CannotStart when the environment is another one."""
    own = SHIPPED[name]
    wanted = {n: v for n, v in locked(LOCK).items() if n not in TAKEN_OUT}
    wanted |= {n: distribution(n).version for n in (*SHARED, own)}
    there: dict[str, Any] = {canonicalize_name(c["name"]): c for c in everything["components"]}
    for package, version in wanted.items():
        found = there[package]["version"] if package in there else "missing"
        if found != version:
            raise CannotStart(
                f"{package} is {found} here and {version} in the image: run `make check` first"
            )
    components = [there[package] for package in sorted(wanted)]
    refs = {component["bom-ref"] for component in components}
    needs = [
        {**node, "dependsOn": sorted(refs & set(node.get("dependsOn", [])))}
        for node in everything["dependencies"]
        if node["ref"] in refs
    ]
    subject = {
        "type": "container",
        "bom-ref": f"image:{name}",
        "name": f"ltc/{name}",
        "version": distribution(own).version,
    }
    needs.append({"ref": subject["bom-ref"], "dependsOn": [there[own]["bom-ref"]]})
    return {
        **everything,
        "metadata": {**everything["metadata"], "component": subject},
        "components": components,
        "dependencies": needs,
    }


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    everything = workspace()
    try:
        bills = {"workspace": everything, **{name: image(name, everything) for name in SHIPPED}}
    except CannotStart as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    for name, bill in bills.items():
        file = FOLDER / f"{name}.cdx.json"
        file.write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")
        print(f"{file.relative_to(ROOT)}: {len(bill['components'])} packages")


if __name__ == "__main__":
    main()
