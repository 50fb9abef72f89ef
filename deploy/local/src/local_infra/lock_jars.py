"""``python -m local_infra.lock_jars [POM LOCK]``: for maintainers, writes a lock with Maven.

Without arguments Kafka's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
POM = HERE.parents[1] / "kafka" / "pom.xml"
LOCK = HERE / "kafka.lock"


def main(pom: Path = POM, lock: Path = LOCK) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                "mvn",
                "-q",
                "-B",
                "-f",
                str(pom),
                "dependency:copy-dependencies",
                "-DincludeScope=runtime",
                "-Dmdep.useRepositoryLayout=true",
                f"-DoutputDirectory={folder}",
            ],
            check=True,
        )
        lines = []
        for jar in sorted(Path(folder).rglob("*.jar")):
            *group, artifact, version, _ = jar.relative_to(folder).parts
            classifier = jar.stem.removeprefix(f"{artifact}-{version}").removeprefix("-")
            coordinates = ":".join(
                [".".join(group), artifact, version, *filter(None, [classifier])]
            )
            lines.append(f"{coordinates} sha256:{hashlib.sha256(jar.read_bytes()).hexdigest()}")
    lock.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} jars locked")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
