/* The constants of the page, as the kernel hands them over in the widget's settings (constants.py). */

const CONSTANTS = {};

/** Take over the constants; called before anything else of the widget runs. */
function useConstants(constants) {
  Object.assign(CONSTANTS, constants);
}
