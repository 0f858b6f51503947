"""What the customer reads for each step, in English and French. A policy may say it in its own words (`texts`)."""

from __future__ import annotations

from chalicelib.domain import steps
from chalicelib.domain.policy import Policy, Text

CONTRACT_INSTALMENTS = "contract_instalments"
ACCESS_EXTENDED = "access_extended"

TITLES = {
    steps.RENEWAL_OFF: Text(
        en="Automatic renewal is turned off", fr="Le renouvellement automatique est désactivé"
    ),
    CONTRACT_INSTALMENTS: Text(
        en="Remaining instalments of your contract", fr="Échéances restantes de votre contrat"
    ),
    ACCESS_EXTENDED: Text(
        en="Access goes on, extended for days of work on our systems",
        fr="L'accès continue, prolongé pour les jours de travaux sur nos systèmes",
    ),
    steps.ACCESS_ENDS: Text(en="Access ends", fr="L'accès prend fin"),
    steps.MESSAGES_CREDITED: Text(
        en="Unsent scheduled messages are credited to your wallet",
        fr="Les messages programmés non envoyés sont crédités sur votre solde",
    ),
    steps.SEATS_UNASSIGNED: Text(en="Seats are unassigned", fr="Les licences sont retirées"),
    steps.NUMBER_FEE: Text(en="Phone number fee", fr="Frais de numéro de téléphone"),
    steps.NUMBER_REMOVED: Text(en="Phone number is removed", fr="Le numéro est supprimé"),
    steps.REGISTRATION_WITHDRAWN: Text(
        en="Registration is withdrawn", fr="L'enregistrement est retiré"
    ),
    steps.NUMBERS_RELEASED: Text(
        en="Phone numbers are released", fr="Les numéros de téléphone sont libérés"
    ),
    steps.REGISTRATIONS_LAPSE: Text(
        en="10DLC registration lapses", fr="L'enregistrement 10DLC expire"
    ),
    steps.DATA_PURGED: Text(
        en="All account data is permanently deleted",
        fr="Toutes les données du compte sont définitivement supprimées",
    ),
}

LABELS = {
    "page_cancel": Text(en="Cancel a plan", fr="Annuler un forfait"),
    "page_confirm": Text(en="Cancel my subscription", fr="Annuler mon abonnement"),
    "page_resume": Text(en="Resume subscription", fr="Reprendre l'abonnement"),
}
"""The buttons of the membership page that companies have names of their own for (SC-1, SC-4, NX-4)."""


def labels(policy: Policy, locale: str) -> dict[str, str]:
    """Button → what stands on it."""
    return {
        name.removeprefix("page_"): (policy.texts.get(name) or ours).in_language(locale)
        for name, ours in LABELS.items()
    }


def title(kind: str, policy: Policy, locale: str) -> str:
    return (policy.texts.get(kind) or TITLES[kind]).in_language(locale)
