"""What a backup and a restore say about the key that secrets of channels are sealed with."""

from pathlib import Path

from operations.errors import OperatorError
from operations.folder import DataFolder
from operations.secrets import Secrets
from store.channel_secrets import count_sealed, unreadable
from store.connections import connect
from store.sealing import Seal


def needed(dsn: str, folder: DataFolder) -> str | None:
    """What has to be kept beside a backup; nothing where no channel has a secret."""
    with connect(dsn, application_name="landun-backup") as connection:
        sealed = count_sealed(connection)
    if not sealed:
        return None
    return f"secrets of {sealed} channels and gateways in it are sealed: a restore needs {_file(folder)}; keep it safe"


def missing(dsn: str, folder: DataFolder) -> str | None:
    """Whose secrets the key of a data folder does not open; nothing where it opens all."""
    file = _file(folder)
    try:
        seal = Seal(file.read_text(encoding="utf-8") if file.exists() else "")
    except (OSError, ValueError) as error:
        raise OperatorError(f"key file {file}: {error}") from error
    with connect(dsn, application_name="landun-restore") as connection:
        lost = unreadable(connection, seal)
    if not lost:
        return None
    return (
        f"{file} does not open the secrets of: {', '.join(lost)}. Put the key there that was in use when the backup "
        "was made, or enter these secrets anew; until then their messages wait"
    )


def _file(folder: DataFolder) -> Path:
    return Secrets.read(folder.secrets).notify_key_file
