"""``python -m local_infra.lock_kafka``: for maintainers, refreshes ``kafka.lock`` with Maven."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
POM = HERE.parents[1] / "kafka" / "pom.xml"
LOCK = HERE / "kafka.lock"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                "mvn",
                "-q",
                "-B",
                "-f",
                str(POM),
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
    LOCK.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} jars locked")


if __name__ == "__main__":
    main()
