"""Network shares, on which several processes cannot keep one SQLite file whole."""

from __future__ import annotations

import re
from pathlib import Path

from alasl.errors import ResourceError

MOUNTS = Path("/proc/self/mountinfo")
# Their locks do not reach other machines for certain, and memory cannot be shared through them, on
# both of which the store's log rests (https://sqlite.org/wal.html). virtiofs is none of them: it
# is how a container on a desktop sees its folders, and one kernel keeps its locks.
_KINDS = {
    "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "drvfs", "glusterfs", "lustre", "ncpfs",
    "nfs", "nfs4", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf", "vmhgfs", "fuse.ceph",
    "fuse.davfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.gvfsd-fuse",
    "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "fuse.vmhgfs-fuse",
}  # fmt: skip


def share_of(path: Path) -> str | None:
    """The kind of network share that a path lies on and where it is mounted, None for a disk.

    Also None where the system does not tell (macOS, Windows).
    """
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    here, found = path.resolve(), (-1, "", "")
    for line in lines:
        head, _, tail = line.partition(" - ")
        fields, kind = head.split(" "), tail.split(" ")[0]
        mounted = Path(_plain(fields[4])) if len(fields) > 4 else None
        # Of equally long ones the last hides those before it.
        if mounted and here.is_relative_to(mounted) and len(mounted.parts) >= found[0]:
            found = (len(mounted.parts), kind, str(mounted))
    return f"{found[1]} at {found[2]}" if found[1] in _KINDS else None


def refuse_share(path: Path) -> None:
    """Raise a `ResourceError` where a path is on a network share: no store is kept there."""
    if share := share_of(path):
        raise ResourceError(
            "this is on a network share, where answers could be lost",
            where=str(path),
            seen=share,
            do="keep the project on a disk of this machine; its images may stay on the share. One "
            "that is there can be looked at, and brought: alasl backup, then alasl restore",
        )


def _plain(text: str) -> str:
    r"""A path as the mount table has it, whose blanks are written \040."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), text)
