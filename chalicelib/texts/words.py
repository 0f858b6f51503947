"""The sentences of every notice, in English and French. A policy says the opening in its own words with a text
called `mail_<kind>`; the dates and lists below it stay ours, so that they cannot be left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain import notices, steps
from chalicelib.domain.policy import Text


@dataclass(frozen=True, slots=True)
class Words:
    """`{plan}`, `{moment}`, `{last_day}`, `{amount}`, `{count}`, `{what}`, `{kept}`, `{gone}`, `{unsure}`, `{thing}`, `{ends}` and `{reason}` are filled in."""

    subject: Text
    opening: Text


OF_KIND: Mapping[str, Words] = {
    notices.CANCELLATION_CONFIRMED: Words(
        Text(
            en="Your cancellation of {plan} is confirmed",
            fr="Votre annulation de {plan} est confirmée",
        ),
        Text(
            en="Your subscription to {plan} is cancelled. It will not renew automatically. "
            "You keep access until it ends.",
            fr="Votre abonnement à {plan} est annulé. Il ne sera pas renouvelé automatiquement. "
            "Vous gardez l'accès jusqu'à sa fin.",
        ),
    ),
    notices.RESUMED: Words(
        Text(en="Your subscription to {plan} continues", fr="Votre abonnement à {plan} continue"),
        Text(
            en="The cancellation of {plan} is undone. Nothing that was announced with it will "
            "happen. The subscription renews on {moment}.",
            fr="L'annulation de {plan} est levée. Rien de ce qu'elle annonçait n'aura lieu. "
            "L'abonnement se renouvelle le {moment}.",
        ),
    ),
    notices.PAYMENT_FAILED: Words(
        Text(en="A payment for {plan} failed", fr="Un paiement pour {plan} a échoué"),
        Text(
            en="We could not collect the payment for {plan}. Please check your payment method.",
            fr="Nous n'avons pas pu encaisser le paiement pour {plan}. Veuillez vérifier votre "
            "moyen de paiement.",
        ),
    ),
    notices.ENDED: Words(
        Text(en="Your subscription to {plan} has ended", fr="Votre abonnement à {plan} a pris fin"),
        Text(
            en="Your subscription to {plan} ended on {moment}. You can still log in, and "
            "subscribe again at any time.",
            fr="Votre abonnement à {plan} a pris fin le {moment}. Vous pouvez toujours vous "
            "connecter et vous réabonner à tout moment.",
        ),
    ),
    notices.CAME_BACK: Words(
        Text(en="Welcome back to {plan}", fr="Heureux de vous revoir sur {plan}"),
        Text(
            en="Your subscription to {plan} has begun. What was still to be deleted or given up "
            "stays.",
            fr="Votre abonnement à {plan} a commencé. Ce qui devait encore être supprimé ou "
            "abandonné reste.",
        ),
    ),
    notices.NUMBERS_RELEASED: Words(
        Text(
            en="Your phone numbers were released",
            fr="Vos numéros de téléphone ont été libérés",
        ),
        Text(
            en="Phone numbers of your account that were released: {count}. They are no longer "
            "yours and cost nothing more.",
            fr="Numéros de téléphone de votre compte libérés : {count}. Ils ne vous appartiennent "
            "plus et ne coûtent plus rien.",
        ),
    ),
    notices.REGISTRATIONS_LAPSED: Words(
        Text(en="Your 10DLC registration lapsed", fr="Votre enregistrement 10DLC a expiré"),
        Text(
            en="10DLC registrations of your account that lapsed: {count}. If you return, you "
            "must apply for a new one.",
            fr="Enregistrements 10DLC de votre compte expirés : {count}. Si vous revenez, vous "
            "devrez en demander un nouveau.",
        ),
    ),
    notices.NUMBER_LOST: Words(
        Text(
            en="Your phone number {thing} was released",
            fr="Votre numéro de téléphone {thing} a été libéré",
        ),
        Text(
            en="The phone number {thing} was being released in the moment you came back. We have "
            "asked the carrier: it is no longer yours, and costs nothing more.",
            fr="Le numéro de téléphone {thing} était en cours de libération au moment de votre "
            "retour. Nous avons interrogé l'opérateur : il ne vous appartient plus et ne coûte "
            "plus rien.",
        ),
    ),
    notices.REGISTRATION_LOST: Words(
        Text(en="Your 10DLC registration lapsed", fr="Votre enregistrement 10DLC a expiré"),
        Text(
            en="The 10DLC registration {thing} was lapsing in the moment you came back. We have "
            "asked the carrier: it no longer exists. You must apply for a new 10DLC registration.",
            fr="L'enregistrement 10DLC {thing} était en train d'expirer au moment de votre retour. "
            "Nous avons interrogé l'opérateur : il n'existe plus. Vous devez demander un nouvel "
            "enregistrement 10DLC.",
        ),
    ),
    notices.NUMBER_RECOVERED: Words(
        Text(
            en="Your phone number {thing} is yours again",
            fr="Votre numéro de téléphone {thing} est de nouveau à vous",
        ),
        Text(
            en="The phone number {thing}, which had been released, is rented for you again. Its "
            "next monthly fee falls due on {moment}; nothing is charged for the time between. "
            "Please check where its calls and messages go.",
            fr="Le numéro de téléphone {thing}, qui avait été libéré, est de nouveau loué pour "
            "vous. Ses prochains frais mensuels sont dus le {moment} ; rien n'est facturé pour la "
            "période intermédiaire. Veuillez vérifier où arrivent ses appels et ses messages.",
        ),
    ),
    notices.DATA_PURGED: Words(
        Text(
            en="Your account data was permanently deleted",
            fr="Les données de votre compte ont été définitivement supprimées",
        ),
        Text(
            en="All data of your account was permanently deleted on {moment}. It cannot be "
            "restored. You can still log in; the account is empty.",
            fr="Toutes les données de votre compte ont été définitivement supprimées le {moment}. "
            "Elles ne peuvent pas être restaurées. Vous pouvez toujours vous connecter ; le compte "
            "est vide.",
        ),
    ),
    notices.MAINTENANCE: Words(
        Text(en="Planned work on {moment}", fr="Travaux prévus le {moment}"),
        Text(
            en="We will be working on our systems from {moment} to {ends}.",
            fr="Nous effectuerons des travaux sur nos systèmes du {moment} au {ends}.",
        ),
    ),
    notices.MAINTENANCE_RECORDED: Words(
        Text(en="Work on our systems on {moment}", fr="Travaux sur nos systèmes le {moment}"),
        Text(
            en="Work on our systems, from {moment} to {ends}.",
            fr="Travaux sur nos systèmes, du {moment} au {ends}.",
        ),
    ),
    notices.MAINTENANCE_MOVED: Words(
        Text(
            en="Work on our systems: now on {moment}",
            fr="Travaux sur nos systèmes : désormais le {moment}",
        ),
        Text(
            en="The work that we announced takes place at another time: from {moment} to {ends}.",
            fr="Les travaux annoncés ont lieu à un autre moment : du {moment} au {ends}.",
        ),
    ),
    notices.MAINTENANCE_WITHDRAWN: Words(
        Text(
            en="The work on {moment} does not take place",
            fr="Les travaux du {moment} n'auront pas lieu",
        ),
        Text(
            en="The work that we announced for {moment} does not take place.",
            fr="Les travaux annoncés pour le {moment} n'auront pas lieu.",
        ),
    ),
    notices.REMINDER: Words(
        Text(en="Reminder: {what}", fr="Rappel : {what}"),
        Text(
            en="{what}: {moment}. This cannot be undone afterwards. Subscribe again before then "
            "to keep everything.",
            fr="{what} : {moment}. C'est irréversible. Réabonnez-vous avant cette date pour tout "
            "conserver.",
        ),
    ),
}

LAST_DAY = Text(en="Last day of access: {last_day}.", fr="Dernier jour d'accès : {last_day}.")
CAN_RESUME = Text(
    en="You can resume at any time before access ends; then none of this happens.",
    fr="Vous pouvez reprendre à tout moment avant la fin de l'accès ; rien de ceci n'aura lieu.",
)
WHAT_FOLLOWS = Text(en="What happens next:", fr="Ce qui se passe ensuite :")
FEES_GO_ON = Text(
    en="Until then, monthly phone number fees are still deducted from your wallet.",
    fr="D'ici là, les frais mensuels de numéro de téléphone restent déduits de votre solde.",
)
CREDITED = Text(
    en="Unsent scheduled messages credited to your wallet: {count}, {amount} in all.",
    fr="Messages programmés non envoyés crédités sur votre solde : {count}, soit {amount}.",
)
ACCESS_UNTIL = Text(
    en="You keep access until {moment}.", fr="Vous gardez l'accès jusqu'au {moment}."
)
ACCESS_PAUSED = Text(
    en="Access is paused until the payment succeeds.",
    fr="L'accès est suspendu jusqu'à ce que le paiement aboutisse.",
)
AMOUNT_DUE = Text(en="Amount due: {amount}.", fr="Montant dû : {amount}.")
EXTENDED = Text(
    en="Your access is extended by {count} calendar days, and every later date moves with it.",
    fr="Votre accès est prolongé de {count} jours calendaires, et chaque date ultérieure est "
    "repoussée d'autant.",
)
EXTENDED_BY_ONE = Text(
    en="Your access is extended by one calendar day, and every later date moves with it.",
    fr="Votre accès est prolongé d'un jour calendaire, et chaque date ultérieure est repoussée "
    "d'autant.",
)
STAYS_EXTENDED = Text(
    en="The days by which your access was already extended stay yours.",
    fr="Les jours dont votre accès a déjà été prolongé vous restent acquis.",
)
RESTORED = Text(
    en="Your access had ended; it is restored.",
    fr="Votre accès avait pris fin ; il est rétabli.",
)
BECAUSE = Text(en="Reason: {reason}", fr="Motif : {reason}")
KEPT = Text(en="Kept: {kept}.", fr="Conservé : {kept}.")
GONE = Text(
    en="Gone for good: {gone}. It cannot be brought back.",
    fr="Définitivement perdu : {gone}. Il n'est pas possible de le récupérer.",
)
REAPPLY = Text(
    en="You must apply for a new 10DLC registration.",
    fr="Vous devez demander un nouvel enregistrement 10DLC.",
)
ASKING_THE_CARRIER = Text(
    en="Still being checked with the carrier: {unsure}. We will tell you what becomes of it.",
    fr="Vérification en cours auprès de l'opérateur : {unsure}. Nous vous dirons ce qu'il en est.",
)
NUMBERED = Text(en="{what} ({count})", fr="{what} ({count})")
THINGS: Mapping[str, Text] = {
    notices.NUMBERS: Text(en="phone numbers", fr="numéros de téléphone"),
    notices.REGISTRATIONS: Text(en="10DLC registration", fr="enregistrement 10DLC"),
    notices.DATA: Text(en="account data", fr="données du compte"),
}
REMINDED_OF: Mapping[str, Text] = {
    steps.ACCESS_ENDS: Text(en="Your access ends", fr="Votre accès prend fin"),
    steps.NUMBERS_RELEASED: Text(
        en="Your phone numbers will be released", fr="Vos numéros de téléphone seront libérés"
    ),
    steps.REGISTRATIONS_LAPSE: Text(
        en="Your 10DLC registration will lapse", fr="Votre enregistrement 10DLC va expirer"
    ),
    steps.DATA_PURGED: Text(
        en="All your account data will be permanently deleted",
        fr="Toutes les données de votre compte seront définitivement supprimées",
    ),
}
QUESTIONS = Text(en="Questions?", fr="Des questions ?")
AUTOMATIC = Text(
    en="This message confirms a change to your account. It was sent automatically.",
    fr="Ce message confirme un changement de votre compte. Il a été envoyé automatiquement.",
)
