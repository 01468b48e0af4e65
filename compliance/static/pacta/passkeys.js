// Shows the button for passkeys where the browser supports them, and says when one did not work.
"use strict";
const passkeyButton = document.getElementById("passkey_login");
if (passkeyButton && window.PublicKeyCredential) {
  passkeyButton.hidden = false;
}
// What failed is unknown: people may have cancelled, and browsers do not tell.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.getElementById("passkey_failed").hidden = false;
});
