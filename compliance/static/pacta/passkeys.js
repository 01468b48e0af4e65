// Shows the button for passkeys where the browser supports them.
"use strict";
if (window.PublicKeyCredential) {
  document.getElementById("passkey_login").hidden = false;
}
