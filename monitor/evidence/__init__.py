"""Evidence packages: what a case rests on, from the device's bytes to the last step, for somebody who trusts nobody.

`scope` says what a subject rests on, `chain` ties its rows to the published anchors, `facts` gathers the rest,
`checklist` holds it against the law, `report` prints it, `package` seals it; `verify` checks it, alone.
"""

from monitor.evidence.package import AuditError, Maker, audited, draft, file_of
from monitor.evidence.scope import Subject, SubjectKind, UnknownSubjectError, subject_of
from monitor.evidence.verify import Fault, Found, check, told

__all__ = [
    "AuditError",
    "Fault",
    "Found",
    "Maker",
    "Subject",
    "SubjectKind",
    "UnknownSubjectError",
    "audited",
    "check",
    "draft",
    "file_of",
    "subject_of",
    "told",
]
