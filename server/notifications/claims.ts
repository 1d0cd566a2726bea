/**
 * What becomes of a claim when its notification has ended: noted as told, given back, or gone with its registration. None of
 * it is waited for; should it not be written, the claim stands, and nobody is told twice.
 */
import type { HandOff } from './hand-offs.ts';
import type { Change, Registration, Registrations } from './registrations.ts';

export class Claims {
  #registrations: Registrations;
  #hooks: { returned: (user: string) => void; failed: (problem: string) => void };

  /** `returned`: what was claimed may be told anew to this user. */
  constructor(
    registrations: Registrations,
    hooks: { returned: (user: string) => void; failed: (problem: string) => void },
  ) {
    this.#registrations = registrations;
    this.#hooks = hooks;
  }

  /** Only for the user to see. */
  async accepted(handOff: HandOff): Promise<void> {
    await this.#change(handOff, (registration) => ({
      put: [{ ...registration, notifiedUpTo: Math.max(registration.notifiedUpTo, handOff.claimed.upTo) }],
      result: true,
    }));
  }

  async giveBack(handOff: HandOff): Promise<void> {
    await this.#change(handOff, (registration) => this.#unclaim(registration, handOff));
  }

  /** The registration is void. False when the device has registered anew: then it is told by way of the new one. */
  remove(handOff: HandOff): Promise<boolean> {
    return this.#change(handOff, (registration) => {
      if (JSON.stringify(registration.target) !== JSON.stringify(handOff.target)) {
        return this.#unclaim(registration, handOff);
      }
      return { remove: [registration.device], result: true };
    });
  }

  #unclaim(registration: Registration, { claimed, user }: HandOff): Change<boolean> {
    if (registration.claimedUpTo !== claimed.upTo) return { result: false };
    return {
      put: [{ ...registration, claimedUpTo: claimed.after }],
      result: false,
      committed: () => this.#hooks.returned(user.name),
    };
  }

  /** Change the registration that a hand-off was for; false when it is not there any more, or can't be read. */
  async #change(handOff: HandOff, decide: (registration: Registration) => Change<boolean>): Promise<boolean> {
    const { user, notification } = handOff;
    try {
      return await this.#registrations.change(user, async (registrations) => {
        const registration = registrations.find(({ device }) => device === notification.device);
        return registration === undefined ? { result: false } : decide(registration);
      });
    } catch (error) {
      this.#hooks.failed(`can't note what became of a notification of ${user.name}: ${(error as Error).message}`);
      return false;
    }
  }
}
