"""Evidence packages: what a case rests on, from the device's bytes to the last step, for somebody who trusts nobody.

`scope` says what a subject rests on, `chain` ties its rows to the published anchors, `facts` gathers the rest,
`checklist` holds it against the law, `report` prints it, `package` seals it, and its second person's audit into it.
`verify` checks it, alone. `hold` keeps what cases rely on past the journal's retention.
"""
