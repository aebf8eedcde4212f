"""When a warning becomes a lead by itself: read and set by who directs cases."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from monitor.api.cases import Officer
from monitor.api.context import Shared, requires
from monitor.api.schemas.cases import LeadRuleInfo, NewLeadRule, Severity
from monitor.api.scope import Permission, Principal
from store import audit
from store.lead_rules import LeadRule, drop_lead_rule, load_lead_rules, set_lead_rule

router = APIRouter(prefix="/lead-rules", tags=["cases"])

Director = Annotated[Principal, Depends(requires(Permission.DIRECT_CASES))]
SeverityInPath = Annotated[Severity, Path(description="Severity of warnings", examples=["serious"])]


@router.get("", summary="When warnings become leads by themselves")
def rules(shared: Shared, _: Officer) -> list[LeadRuleInfo]:
    """Severities without a rule are left to people."""
    with shared.database.connection() as connection:
        return [LeadRuleInfo(**each._asdict()) for each in load_lead_rules(connection)]


@router.put("/{severity}", summary="Let warnings of a severity become leads")
def set_rule(severity: SeverityInPath, given: NewLeadRule, shared: Shared, director: Director) -> LeadRuleInfo:
    """After so many minutes of presence, if they are for inspectors and not muted; the monitor looks once a minute."""
    rule = LeadRule(severity, given.after_minutes, given.reason.strip(), director.username, shared.clock())
    with shared.database.connection() as connection, connection.transaction():
        set_lead_rule(connection, rule)
        detail = {"severity": severity, "after_minutes": rule.after_minutes, "reason": rule.reason}
        audit.append(connection, director.username, "lead_rule_set", f"lead_rule:{severity}", detail, rule.set_at)
    return LeadRuleInfo(**rule._asdict())


@router.delete("/{severity}", summary="Leave warnings of a severity to people")
def drop_rule(severity: SeverityInPath, shared: Shared, director: Director) -> list[LeadRuleInfo]:
    """Cases that it opened stay. Answers with the rules that are left."""
    with shared.database.connection() as connection, connection.transaction():
        if drop_lead_rule(connection, severity):
            audit.append(
                connection, director.username, "lead_rule_dropped", f"lead_rule:{severity}", {}, shared.clock()
            )
        return [LeadRuleInfo(**each._asdict()) for each in load_lead_rules(connection)]
