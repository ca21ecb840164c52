"""Files appear whole or not at all, and a disk that cannot be written to is named."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from alasl import files
from alasl.errors import ResourceError
from alasl.files import replacing, write_text


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def fail() -> None:
        with replacing(target) as beside:
            beside.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "old"


@pytest.mark.posix
def test_a_kill_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")
    code = (
        "import os, signal, sys; from pathlib import Path; from alasl.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as beside:\n"
        "    beside.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == -9
    assert target.read_text() == "old"


def test_a_full_disk_is_a_resource_error_and_the_old_file_stays(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def fill() -> None:
        with replacing(target), Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")

    with pytest.raises(ResourceError, match="what stood before is intact"):
        fill()
    assert target.read_text() == "old"


def test_what_one_may_not_read_is_named_and_not_what_was_to_be_written(tmp_path: Path) -> None:
    source, target = tmp_path / "in" / "model", tmp_path / "out" / "copy"

    def copy() -> None:
        with replacing(target):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(source))

    with pytest.raises(ResourceError, match="you may not read or write this") as refused:
        copy()
    assert refused.value.where == str(source)
    assert "free some space" not in str(refused.value)


@pytest.mark.parametrize("code", [errno.EFBIG, errno.EIO])
def test_a_limit_on_files_and_a_failing_disk_are_no_bugs(tmp_path: Path, code: int) -> None:
    def write() -> None:
        with replacing(tmp_path / "a.txt"):
            raise OSError(code, os.strerror(code))

    with pytest.raises(ResourceError, match="what stood before is intact") as refused:
        write()
    assert refused.value.where == str(tmp_path / "a.txt")


def test_the_file_beside_is_not_what_an_error_names(tmp_path: Path) -> None:
    def write() -> None:
        with replacing(tmp_path / "a.zip") as beside:
            raise ResourceError("full", where=f"{beside}.store", seen="so", do="this")

    with pytest.raises(ResourceError) as refused:
        write()
    assert str(refused.value) == f"{tmp_path / 'a.zip'}: full; seen: so\n  this"


@pytest.mark.posix
def test_a_folder_that_cannot_be_written_to_is_a_resource_error(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # Root may write anywhere but to the kernel's own files.
        folder = Path("/proc/self")
        if not folder.exists():
            pytest.skip("root, and no /proc")
        with pytest.raises((ResourceError, FileNotFoundError)):
            write_text(folder / "alasl.txt", "x")
        return
    tmp_path.chmod(0o500)
    with pytest.raises(ResourceError):
        write_text(tmp_path / "a.txt", "x")


def test_a_written_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    write_text(tmp_path / "ours", "x")
    (tmp_path / "other").write_text("x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_large_file_that_is_read_does_not_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = np.random.default_rng(0).random((2**12, 2**10))  # 32 MB
    np.save(tmp_path / "a.npy", wanted)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")

    def held() -> int:
        """Bytes of files that are mapped and in memory."""
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return 1024 * int(status.partition("RssFile:")[2].split()[0])

    monkeypatch.setattr(files, "_LARGE", 0)
    assert mapped.sum() == wanted.sum()
    before = held()
    files.let_go(mapped)
    assert before - held() > 2**24
    np.testing.assert_array_equal(mapped, wanted)
    files.let_go(wanted)  # of what is in memory nothing is given back
